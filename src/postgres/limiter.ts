import { OverloadedError } from '../core/errors.js';

export interface LimiterOptions {
  /** How many run at the same time. */
  readonly running: number;
  /** How many wait for their turn; more are refused with `OverloadedError`. */
  readonly waiting: number;
  /** The name of the limit in that error. */
  readonly limit: string;
}

/** Runs so many pieces of work at a time, in the order in which they came. */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const { limit, running, waiting } = this.#options;
    if (this.#running < running) {
      this.#running += 1;
    } else {
      if (this.#waiting.length >= waiting)
        throw new OverloadedError(`${waiting} wait already (${limit}); try again later`, {
          limit,
          outcome: 'NOT_APPLIED',
        });
      // The one before hands its place on.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
