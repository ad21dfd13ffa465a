import { Latency } from './latency.js';
import type { Meter, Usage } from './meter.js';

/**
 * What takes turns: ours, or a floor. Answers a rate or a time. Calls that go through the latency are timed; it is emptied after
 * the round that warms up. Turns of one row come in any order.
 */
export type Turn = (latency: Latency) => Promise<number | Done>;

/** A turn of a service of its own, whose CPU is to count as the service's. */
export interface MeteredTurn {
  readonly take: Turn;
  readonly meter: Meter;
}

/** A turn's answer that is no rate, with what it has done, so that CPU can be told per event. */
export interface Done {
  readonly value: number;
  /** Events, calls or commands. */
  readonly work: number;
}

/** All that is known of one of those that took turns. */
export interface Column {
  /** A number of each round. */
  readonly values: readonly number[];
  /** Undefined where the turns answered rates. */
  readonly work: number | undefined;
  /** By round; empty without a meter. */
  readonly usages: readonly Usage[];
  readonly latency: Latency;
}

/** What came of taking turns: by round, a number per turn. */
export class Rounds {
  readonly #columns: readonly Column[];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  column(index: number): Column {
    const column = this.#columns[index];
    if (!column) throw new RangeError(`There is no turn ${index}`);
    return column;
  }
}

export interface TurnsOptions {
  readonly rounds: number;
  /** Says what each turn took of the machine; `stage.meter`, or one for a row's own processes. */
  readonly meter?: Meter;
  /** @default true; without it what is cold is measured too */
  readonly warmUp?: boolean;
}

/**
 * Lets all take turns, round by round, so that whatever else the machine does in a while hits all alike; every other round
 * backwards, so that nobody always comes after the same one. One round more than asked for: the first warms up and is thrown
 * away.
 */
export async function takeTurns(
  options: number | TurnsOptions,
  turns: readonly (Turn | MeteredTurn)[],
): Promise<Rounds> {
  const { rounds, meter, warmUp = true } = typeof options === 'number' ? { rounds: options } : options;
  const takers = turns.map((turn) =>
    typeof turn === 'function' ? new Taker(turn, meter) : new Taker(turn.take, turn.meter),
  );
  if (warmUp) for (const taker of takers) await taker.warmUp();
  for (let round = 0; round < rounds; round++)
    for (const taker of round % 2 === 0 ? takers : takers.toReversed()) await taker.take();
  return new Rounds(takers.map((taker) => taker.column));
}

class Taker {
  readonly #turn: Turn;
  readonly #meter: Meter | undefined;
  readonly #values: number[] = [];
  readonly #usages: Usage[] = [];
  readonly #latency = new Latency();
  #work: number | undefined;

  constructor(turn: Turn, meter: Meter | undefined) {
    this.#turn = turn;
    this.#meter = meter;
  }

  async warmUp(): Promise<void> {
    await this.#turn(new Latency());
  }

  async take(): Promise<void> {
    const end = this.#meter?.begin();
    const done = await this.#turn(this.#latency);
    if (end) this.#usages.push(end());
    if (typeof done === 'number') this.#values.push(done);
    else {
      this.#values.push(done.value);
      this.#work = (this.#work ?? 0) + done.work;
    }
  }

  get column(): Column {
    return { values: this.#values, work: this.#work, usages: this.#usages, latency: this.#latency };
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
