import { setImmediate as turn } from 'node:timers/promises';
import type { Runtime } from '../../../src/core/runtime.js';
import { seededRandom } from '../../../src/testing/index.js';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes only when it is told to, and chance from a seed. */
export class SimulatedClock {
  #now = 0;
  readonly #sleepers = new Set<Sleeper>();
  readonly random: () => number;
  #ids = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  get now(): number {
    return this.#now;
  }

  /** For one process. While `isPaused` it sleeps on, as one whose machine stands still. */
  runtime(isPaused: () => boolean = () => false): Runtime {
    return {
      now: () => BigInt(Math.round(this.#now * 1000)) + 1_700_000_000_000_000n,
      monotonic: () => this.#now,
      random: this.random,
      newEventId: () => `00000000-0000-7000-8000-${(this.#ids++).toString(16).padStart(12, '0')}`,
      sleep: (milliseconds, signal) =>
        new Promise<void>((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason as Error);
          const sleeper: Sleeper = {
            at: this.#now + Math.max(0, milliseconds),
            wake: () => {
              if (isPaused()) {
                this.#sleepers.delete(sleeper);
                const again = { at: this.#now + 50, wake: sleeper.wake };
                this.#sleepers.add(again);
                return;
              }
              this.#sleepers.delete(sleeper);
              resolve();
            },
          };
          this.#sleepers.add(sleeper);
          signal?.addEventListener('abort', () => {
            this.#sleepers.delete(sleeper);
            reject(signal.reason as Error);
          });
        }),
    };
  }

  /** Lets everything go on that waits for nothing but its turn. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 3; turns++) await turn();
  }

  /** Lets so many milliseconds pass, from one wake-up to the next. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await this.settle();
    for (;;) {
      let next: Sleeper | undefined;
      for (const sleeper of this.#sleepers) if (next === undefined || sleeper.at < next.at) next = sleeper;
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers.delete(next);
      next.wake();
      await this.settle();
    }
    this.#now = end;
  }

  /** Lets time pass until it is so, for so many milliseconds at most; tells whether it is. */
  async until(isSo: () => boolean, milliseconds: number): Promise<boolean> {
    const end = this.#now + milliseconds;
    await this.settle();
    while (!isSo() && this.#now < end) await this.pass(10);
    return isSo();
  }
}
