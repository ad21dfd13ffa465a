import type { EventEmitter } from 'node:events';
import { setMaxListeners } from 'node:events';
import { onAbort } from '../core/on-abort.js';

/** Says that nobody waits for the answer any more. */
export class CallGoneError extends Error {
  override readonly name = 'CallGoneError';
}

/** One for all calls: its stack says nothing, and to gather it for every call that ends would be a tenth of a unary call. */
const GONE = new CallGoneError('The call has ended');

/**
 * One call from its begin to its end: the signal that ends whatever it waits for, be it because the client cancelled,
 * the deadline passed or the service shuts down.
 */
export class CallScope {
  /** Made when somebody asks for the signal. */
  #controller: AbortController | undefined;
  #endedBy: Error | undefined;
  readonly #onClosed: (scope: CallScope) => void;
  #waiting: ((reason: unknown) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #closers: (() => void)[] = [];
  /** Nothing of it waits any more, so nothing is to be told of its end. */
  #over = false;
  /** What the call does when the service begins to shut down; nothing by default: it may finish. */
  onDrain: (() => void) | undefined;
  /**
   * Of a call that is there for others, as a worker's: what it does when the service shuts down and only such calls are
   * left.
   */
  onOthersDone: (() => void) | undefined;

  constructor(call: EventEmitter, onClosed: (scope: CallScope) => void) {
    this.#onClosed = onClosed;
    // grpc-js says so at the end of every call, the good one too.
    call.once('cancelled', () => {
      if (!this.#over) this.abort(GONE);
      this.close();
      this.#onClosed(this);
    });
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      // A pipelined call hands its signal to a thousand appends.
      setMaxListeners(0, this.#controller.signal);
      if (this.#endedBy !== undefined) this.#controller.abort(this.#endedBy);
    }
    return this.#controller.signal;
  }

  /** The signal's reason, without making one. */
  get endedBy(): Error | undefined {
    return this.#endedBy;
  }

  /** Whether there is nobody left to answer. */
  get gone(): boolean {
    return this.#endedBy instanceof CallGoneError;
  }

  abort(reason: Error): void {
    if (this.#endedBy !== undefined) return;
    this.#endedBy = reason;
    this.#controller?.abort(reason);
    this.#waiting?.(reason);
  }

  abortAfter(milliseconds: number, reason: () => Error): void {
    this.#timer = setTimeout(() => this.abort(reason()), milliseconds);
  }

  /** Aborts it, with the same reason, when the signal is aborted. */
  endWith(signal: AbortSignal): void {
    if (signal.aborted) this.abort(signal.reason as Error);
    else this.#closers.push(onAbort(signal, () => this.abort(signal.reason as Error)));
  }

  /**
   * What the promise becomes, or a rejection with the signal's reason as soon as the scope is aborted. One wait at a
   * time. By hand, since `Promise.race` against a promise that lives as long as the call would keep every round.
   */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#endedBy !== undefined) reject(this.#endedBy);
      else this.#waiting = reject;
      promise.then(
        (value) => {
          this.#waiting = undefined;
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting = undefined;
          reject(error as Error);
        },
      );
    });
  }

  /** Called once, when the call is over. */
  onClose(closer: () => void): void {
    this.#closers.push(closer);
  }

  /** Frees what would end it. */
  close(): void {
    this.#over = true;
    for (const closer of this.#closers.splice(0)) closer();
    clearTimeout(this.#timer);
  }
}
