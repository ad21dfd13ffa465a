import { create, toBinary } from '@bufbuild/protobuf';
import { PipelinedAppendSchema } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { AppendOutcome, AppendRequest } from '../core/append.js';
import {
  DeadlineExceededError,
  type HeadwaterError,
  InvalidRequestError,
  type Outcome,
  StoreUnavailableError,
} from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';
import { toWireAppendRequest } from '../wire/append.js';

/** What the service takes in one message. */
const RECEIVED_BYTES = 6 * 1024 * 1024;
/** Of the frame around a request. */
const FRAME_BYTES = 16;

/** One append from the caller's call to its verdict, over as many tries as it takes. */
export class PendingAppend {
  /** Number and place in the order; stays the same when it is sent again. */
  readonly correlation: bigint;
  /** The request on the wire; encoded once. */
  readonly encoded: Uint8Array;
  readonly verdict: Promise<AppendOutcome>;
  /** Whether nobody waits any more. */
  settled = false;
  /** Sent in the current call, and not answered. */
  underWay = false;
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #letGo: () => void;
  #resolve: (outcome: AppendOutcome) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  /** A try may have been applied though its answer was lost. */
  #uncertain = false;
  #lastError: HeadwaterError | undefined;

  constructor(
    correlation: bigint,
    request: AppendRequest,
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal | undefined;
      /** Told when the caller no longer waits: its signal was aborted, or the time is over. */
      readonly onLeft: (pending: PendingAppend) => void;
    },
  ) {
    this.correlation = correlation;
    this.encoded = toBinary(
      PipelinedAppendSchema,
      create(PipelinedAppendSchema, { correlation, append: toWireAppendRequest(request) }),
    );
    if (this.encoded.byteLength > RECEIVED_BYTES - FRAME_BYTES)
      throw new InvalidRequestError([
        {
          field: 'streams',
          description: `is ${this.encoded.byteLength} bytes long on the wire, the service takes ${RECEIVED_BYTES}`,
        },
      ]);
    this.verdict = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { timeoutMs, signal, onLeft } = options;
    this.#timeoutMs = timeoutMs;
    this.#timer = setTimeout(() => {
      this.fail(this.#timeout());
      onLeft(this);
    }, timeoutMs);
    this.#letGo = signal
      ? onAbort(signal, () => {
          this.fail(signal.reason as Error);
          onLeft(this);
        })
      : () => undefined;
  }

  /** Remembers why a try did not end in a verdict. */
  tried(error: HeadwaterError): void {
    this.underWay = false;
    this.#lastError = error;
    if (error.outcome !== 'NOT_APPLIED') this.#uncertain = true;
  }

  succeed(outcome: AppendOutcome): void {
    this.#settle();
    this.#resolve(outcome);
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
    const message = `The append was not answered within ${this.#timeoutMs} ms`;
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
