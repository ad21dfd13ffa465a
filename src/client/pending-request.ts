import {
  DeadlineExceededError,
  type HeadwaterError,
  InvalidRequestError,
  type Outcome,
  StoreUnavailableError,
} from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';

/** What the service takes in one message. */
const RECEIVED_BYTES = 6 * 1024 * 1024;
/** Of the frame around a request. */
const FRAME_BYTES = 16;

/** What is sent, and how long it is waited for. */
export interface PendingRequestOptions {
  /** In words, for messages: "append". */
  readonly noun: string;
  /** The field that is too long where the whole is. */
  readonly field: string;
  readonly encoded: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told when the caller no longer waits: its signal was aborted, or the time is over. */
  readonly onLeft: () => void;
}

/** One request of a pipelined call from the caller's call to its verdict, over as many tries as it takes. */
export class PendingRequest<Verdict> {
  /** Number and place in the order; stays the same when it is sent again. */
  readonly correlation: bigint;
  /** The request on the wire; encoded once. */
  readonly encoded: Uint8Array;
  readonly verdict: Promise<Verdict>;
  /** Whether nobody waits any more. */
  settled = false;
  /** Sent in the current call, and not answered. */
  underWay = false;
  readonly #noun: string;
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #letGo: () => void;
  #resolve: (verdict: Verdict) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  /** A try may have been applied though its answer was lost. */
  #uncertain = false;
  #lastError: HeadwaterError | undefined;

  constructor(correlation: bigint, options: PendingRequestOptions) {
    this.correlation = correlation;
    const { encoded, field, noun, onLeft, signal, timeoutMs } = options;
    this.encoded = encoded;
    this.#noun = noun;
    if (encoded.byteLength > RECEIVED_BYTES - FRAME_BYTES)
      throw new InvalidRequestError([
        {
          field,
          description: `is ${encoded.byteLength} bytes long on the wire, the service takes ${RECEIVED_BYTES}`,
        },
      ]);
    this.verdict = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timeoutMs = timeoutMs;
    this.#timer = setTimeout(() => {
      this.fail(this.#timeout());
      onLeft();
    }, timeoutMs);
    this.#letGo = signal
      ? onAbort(signal, () => {
          this.fail(signal.reason as Error);
          onLeft();
        })
      : () => undefined;
  }

  /** Remembers why a try did not end in a verdict. */
  tried(error: HeadwaterError): void {
    this.underWay = false;
    this.#lastError = error;
    if (error.outcome !== 'NOT_APPLIED') this.#uncertain = true;
  }

  succeed(verdict: Verdict): void {
    this.#settle();
    this.#resolve(verdict);
  }

  fail(error: Error): void {
    this.#settle();
    this.#reject(error);
  }

  /** As {@link fail}, where no verdict will come any more. */
  giveUp(message: string): void {
    this.fail(new StoreUnavailableError(message, { cause: this.#lastError, outcome: this.#outcome }));
  }

  #timeout(): HeadwaterError {
    const message = `The ${this.#noun} was not answered within ${this.#timeoutMs} ms`;
    if (this.#lastError === undefined) return new DeadlineExceededError(message, { outcome: this.#outcome });
    return new StoreUnavailableError(`${message}: ${this.#lastError.message}`, {
      cause: this.#lastError,
      outcome: this.#outcome,
    });
  }

  get #outcome(): Outcome {
    return this.#uncertain || this.underWay ? 'UNKNOWN' : 'NOT_APPLIED';
  }

  #settle(): void {
    this.settled = true;
    clearTimeout(this.#timer);
    this.#letGo();
  }
}
