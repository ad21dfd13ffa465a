import type { Percentiles } from './latency.js';
import type { Party } from './meter.js';
import type { Options, RowId } from './options.js';
import { type Column, median, type Rounds } from './rounds.js';
import type { Stage } from './stage.js';

/** One line of the table: what we do beside what could be done. It says all about itself, so that its JSON needs no code. */
export interface Row {
  readonly id: RowId;
  readonly what: string;
  readonly unit: Unit;
  /** The median of the rounds. */
  readonly ours: number;
  readonly floor: Floor;
  /** Ours divided by the floor; the median of the rounds' ratios, each of two turns of one round. */
  readonly ratio: number;
  readonly rounds: number;
  /** The lowest and the highest round's ratio. */
  readonly spread: readonly [number, number];
  /** Whether more is better, or less. */
  readonly direction: Direction;
  /** What the ratio should be, at least or at most. */
  readonly target?: number;
  /** Of our calls, where they were timed. */
  readonly latency?: Percentiles;
  /** What our turns took of the machine. */
  readonly cpu?: Cpu;
  /** The most that was resident in our turns, in MiB. */
  readonly memory?: Memory;
  /** How something goes with something else: drawn as a line. */
  readonly curve?: Curve;
  /** What stands for ours is a floor as well, and the ratio is what another floor leaves to anybody. */
  readonly betweenFloors?: true;
}

export type Direction = 'AT_LEAST' | 'AT_MOST';
export type Unit = 'events/s' | 'calls/s' | 'commands/s' | 'ms' | 's' | 'MiB' | 'reads';

/** What ours is compared with: what Postgres or grpc-js can do, or a peer, or ourselves in another situation. */
export interface Floor {
  readonly what: string;
  readonly value: number;
  /** It is another store, by name. */
  readonly peer?: string;
  readonly latencies?: readonly (Percentiles & { readonly what: string })[];
  readonly cpu?: Cpu;
}

/** CPU seconds over all rounds, and microseconds for each event, call or command where those were counted. */
export interface Cpu {
  readonly wallSeconds: number;
  readonly seconds: Readonly<Partial<Record<Party, number>>>;
  readonly microseconds?: Readonly<Partial<Record<Party, number>>>;
}

export type Memory = Readonly<Partial<Record<Exclude<Party, 'client'>, number>>>;

export interface Curve {
  /** What goes so, where the row's own words would say too much. */
  readonly name?: string;
  /** What is on the axes, with its unit. */
  readonly x: string;
  readonly y: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What measures rows of one kind. */
export interface Measurement {
  readonly id: RowId;
  /** What it is about, in a line. */
  readonly about: string;
  /** Belongs to a quick run too. */
  readonly quick?: true;
  /** Only when it is asked for, by name or with all. */
  readonly long?: true;
  measure(stage: Stage, options: Options): Promise<readonly Row[]>;
}

type Measured = 'ours' | 'floor' | 'ratio' | 'rounds' | 'spread' | 'direction' | 'latency' | 'cpu' | 'memory';

/** What a row says that was not measured. */
export interface RowText extends Omit<Row, Measured> {
  readonly floor: string;
  readonly peer?: string;
  /** Without it less is better of times and memory, and more of rates. */
  readonly direction?: Direction;
  /** What the floor's turns are, where they are several. */
  readonly floorParts?: readonly string[];
}

/** Which turns a row is of. Several of a floor are added up: the one, and then the other. */
export interface Columns {
  readonly ours: number;
  readonly floor: number | readonly number[];
}

const LESS_IS_BETTER: ReadonlySet<Unit> = new Set<Unit>(['ms', 's', 'MiB', 'reads']);

/** The row of two columns of turns. */
export function compare(rounds: Rounds, columns: Columns, text: RowText): Row {
  const { floor: what, peer, floorParts, direction, ...rest } = text;
  const ours = rounds.column(columns.ours);
  const floors = [columns.floor].flat().map((index) => rounds.column(index));
  const floor = ours.values.map((_, round) => floors.reduce((sum, { values }) => sum + at(values, round), 0));
  const ratios = ours.values.map((value, round) => value / at(floor, round));
  const latencies = floors.flatMap(({ latency }, index) =>
    latency.count > 0 ? [{ what: floorParts?.[index] ?? what, ...latency.percentiles() }] : [],
  );
  const isRate = !LESS_IS_BETTER.has(rest.unit);
  const cpu = cpuOf(ours, isRate);
  const floorCpu = floors.length === 1 && floors[0] ? cpuOf(floors[0], isRate) : undefined;
  const memory = memoryOf(ours);
  return {
    ...rest,
    ours: median(ours.values),
    floor: {
      what,
      value: median(floor),
      ...(peer === undefined ? {} : { peer }),
      ...(latencies.length > 0 ? { latencies } : {}),
      ...(floorCpu ? { cpu: floorCpu } : {}),
    },
    ratio: median(ratios),
    rounds: ratios.length,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    direction: direction ?? (isRate ? 'AT_LEAST' : 'AT_MOST'),
    ...(ours.latency.count > 0 ? { latency: ours.latency.percentiles() } : {}),
    ...(cpu ? { cpu } : {}),
    ...(memory ? { memory } : {}),
  };
}

function cpuOf({ usages, values, work }: Column, isRate: boolean): Cpu | undefined {
  if (usages.length === 0) return undefined;
  const wallSeconds = usages.reduce((sum, usage) => sum + usage.wallSeconds, 0);
  const done =
    work ??
    (isRate ? values.reduce((sum, rate, round) => sum + rate * (usages[round]?.wallSeconds ?? 0), 0) : 0);
  const seconds = addUp(usages.map(({ cpu }) => cpu));
  return {
    wallSeconds,
    seconds,
    ...(done > 0
      ? {
          microseconds: Object.fromEntries(
            Object.entries(seconds).map(([party, value]) => [party, (value * 1e6) / done]),
          ),
        }
      : {}),
  };
}

function addUp(parts: readonly Cpu['seconds'][]): Cpu['seconds'] {
  const sum: Partial<Record<Party, number>> = {};
  for (const part of parts)
    for (const party of ['client', 'service', 'database'] as const) {
      const value = part[party];
      if (value !== undefined) sum[party] = (sum[party] ?? 0) + value;
    }
  return sum;
}

function memoryOf({ usages }: Column): Memory | undefined {
  const most = (party: keyof Memory) => {
    const seen = usages.flatMap(({ memory }) => memory[party] ?? []);
    return seen.length > 0 ? { [party]: Math.round(Math.max(...seen)) } : {};
  };
  return usages.length > 0 ? { ...most('service'), ...most('database') } : undefined;
}

function at(values: readonly number[], round: number): number {
  return values[round] ?? Number.NaN;
}
