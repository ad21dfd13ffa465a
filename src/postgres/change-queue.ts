import { HeadwaterError, OverloadedError, type Outcome, StoreUnavailableError } from '../core/errors.js';
import type { StreamChanged } from '../core/stream-changes.js';
import type { IdentifiedChange } from './change-stream.js';
import { resolved, type ResolvedOptions, UnresolvedError } from './resolved.js';
import { failureOf } from './sqlstate.js';

export interface ChangeQueueOptions extends ResolvedOptions {
  /** Makes the change in one transaction; rejects with the driver's error. */
  readonly change: (change: IdentifiedChange) => Promise<StreamChanged | HeadwaterError>;
  /** Turns a failure of `change` into the error for the caller. */
  readonly errorFor: (error: unknown, outcome: Outcome) => HeadwaterError;
  readonly onCommitted?: (position: bigint) => void;
}

/** Changes that may wait for their turn. */
const WAITING = 1000;

/**
 * Changes of streams, one at a time: they are rare, and many at once must not take the connections that appends need. A
 * change whose answer was lost is done again, and finds its own event if it had been made.
 */
export class ChangeQueue {
  readonly #options: ChangeQueueOptions;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(options: ChangeQueueOptions) {
    this.#options = options;
  }

  submit(change: IdentifiedChange, signal?: AbortSignal): Promise<StreamChanged> {
    if (this.#closed)
      return Promise.reject(
        new StoreUnavailableError('The service is shutting down', { outcome: 'NOT_APPLIED' }),
      );
    if (this.#waiting >= WAITING)
      return Promise.reject(
        new OverloadedError(`${WAITING} changes wait already; try again later`, {
          limit: 'stream_changes',
          outcome: 'NOT_APPLIED',
        }),
      );
    this.#waiting += 1;
    const mine = this.#last.then(async () => {
      this.#waiting -= 1;
      signal?.throwIfAborted();
      return await this.#make(change);
    });
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Takes no more, and resolves when all that was taken is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  async #make(change: IdentifiedChange): Promise<StreamChanged> {
    const { change: make, errorFor, onCommitted } = this.#options;
    let made: StreamChanged | HeadwaterError;
    try {
      made = await resolved(() => make(change), this.#options);
    } catch (error) {
      if (error instanceof UnresolvedError)
        throw errorFor(error.cause, error.sent ? 'UNKNOWN' : 'NOT_APPLIED');
      throw errorFor(error, failureOf(error) === 'UNEXPECTED' ? 'UNKNOWN' : 'NOT_APPLIED');
    }
    if (made instanceof HeadwaterError) throw made;
    onCommitted?.(made.position);
    return made;
  }
}
