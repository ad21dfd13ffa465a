import { OverloadedError } from './errors.js';

/** How many appends may wait for their turn. */
export interface TurnLimits {
  /** @default 20000 */
  readonly queueRequests?: number;
  /**
   * Bytes of their events.
   * @default 64 MiB
   */
  readonly queueBytes?: number;
}

/** A place in the order of appends. */
export interface Turn {
  /** Resolves when all that came before have gone, or never will. */
  readonly come: Promise<unknown>;
  /** Lets the next one go; may be called twice. */
  done(): void;
}

/** Keeps the order in which turns were taken, however long each takes to be ready. */
export class AppendTurns {
  readonly #limits: TurnLimits;
  #last: Promise<unknown> = Promise.resolve();
  #requests = 0;
  #bytes = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Throws `OverloadedError` if too many wait. */
  take(bytes: number): Turn {
    const { queueRequests = 20_000, queueBytes = 64 * 1024 * 1024 } = this.#limits;
    if (this.#requests >= queueRequests || (this.#requests > 0 && this.#bytes + bytes > queueBytes))
      throw new OverloadedError(`${this.#requests} appends wait for middleware already; try again later`, {
        limit: this.#requests >= queueRequests ? 'append_queue_requests' : 'append_queue_bytes',
        outcome: 'NOT_APPLIED',
      });
    this.#requests += 1;
    this.#bytes += bytes;
    const come = this.#last;
    let next: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      next = resolve;
    });
    this.#last = come.then(() => gone);
    let waiting = true;
    const done = () => {
      if (!waiting) return;
      waiting = false;
      this.#requests -= 1;
      this.#bytes -= bytes;
      next();
    };
    return { come, done };
  }
}
