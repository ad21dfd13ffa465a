import type { Percentiles } from './latency.js';
import type { Options, RowId } from './options.js';
import { median } from './rounds.js';
import type { Stage } from './stage.js';

/** One line of the table: what we do beside what could be done. */
export interface Row {
  readonly id: RowId;
  readonly what: string;
  readonly unit: 'events/s' | 'calls/s' | 'commands/s' | 'ms';
  /** The median of the rounds. */
  readonly ours: number;
  readonly floor: { readonly what: string; readonly value: number };
  /** Ours divided by the floor; the median of the rounds' ratios, each of two turns that followed one another. */
  readonly ratio: number;
  readonly rounds: number;
  /** The lowest and the highest round's ratio. */
  readonly spread: readonly [number, number];
  /** What the ratio should be: at least so much of a rate, at most so much of a time. */
  readonly target?: number;
  /** Of our calls, where they were timed. */
  readonly latency?: Percentiles;
}

/** What measures rows of one kind. */
export interface Measurement {
  readonly id: RowId;
  measure(stage: Stage, options: Options): Promise<readonly Row[]>;
}

/** The row of two columns of turns. */
export function compare(
  rounds: readonly (readonly number[])[],
  columns: { readonly ours: number; readonly floor: number },
  row: Omit<Row, 'ours' | 'floor' | 'ratio' | 'rounds' | 'spread'> & { readonly floor: string },
): Row {
  const { floor: what, ...rest } = row;
  const ours = rounds.map((round) => round[columns.ours] ?? Number.NaN);
  const floor = rounds.map((round) => round[columns.floor] ?? Number.NaN);
  const ratios = ours.map((value, index) => value / (floor[index] ?? Number.NaN));
  return {
    ...rest,
    ours: median(ours),
    floor: { what, value: median(floor) },
    ratio: median(ratios),
    rounds: rounds.length,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}
