/** How long a call may take. */
export interface CallOptions {
  /**
   * Ends the call: it rejects with the signal's reason and frees what it held. An append that was already sent to the
   * database may still be applied.
   */
  readonly signal?: AbortSignal;
  /**
   * How long the caller waits, in milliseconds; what waits for a position gives up shortly before.
   * @default 5000
   */
  readonly timeoutMilliseconds?: number;
}

/** What a call has of a signal before anybody asks for it. */
export interface LazySignal {
  readonly signal: AbortSignal;
  /** The signal's reason once it is aborted; tells it without a signal. */
  readonly endedBy: Error | undefined;
}

/**
 * Options of a call whose signal is made when it is first asked for: to make one is a third of what an append takes the
 * service, and most end without anybody having asked.
 */
export class LazyCallOptions implements CallOptions {
  /** The same for all of them: an object with a getter of its own would have a shape of its own in V8, at ten times the cost. */
  static readonly #SIGNAL: PropertyDescriptor & ThisType<LazyCallOptions> = {
    enumerable: true,
    get() {
      return this.#lazy.signal;
    },
  };

  declare readonly signal: AbortSignal;
  readonly #lazy: LazySignal;

  constructor(lazy: LazySignal) {
    // Its own, so that a copy has the signal too.
    Object.defineProperty(this, 'signal', LazyCallOptions.#SIGNAL);
    this.#lazy = lazy;
  }

  get endedBy(): Error | undefined {
    return this.#lazy.endedBy;
  }
}

/** Why nobody waits for the call any more; `undefined` while somebody does. */
export function endOf(options: CallOptions): Error | undefined {
  if (options instanceof LazyCallOptions) return options.endedBy;
  return options.signal?.aborted ? (options.signal.reason as Error) : undefined;
}

/** As much of the caller's time as may be waited for, so that the answer still finds the caller. */
export function patience(milliseconds: number): number {
  return Math.max(0, milliseconds - Math.max(50, milliseconds / 10));
}
