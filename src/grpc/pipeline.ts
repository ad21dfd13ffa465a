import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Plan } from '../auth/plan.js';
import { type HeadwaterError, InvalidRequestError, OverloadedError } from '../core/errors.js';
import { ChurnedMap } from '../core/churned-map.js';
import type { Received } from '../wire/method.js';
import { oneMessageAhead } from '../wire/one-message-ahead.js';
import { shuttingDown } from './calls.js';
import type { CallScope } from './call-scope.js';
import type { Admission } from './admission.js';
import type { Desk } from './desk.js';
import { toServiceError } from './failure.js';
import type { Numbered, PipelinedEntry } from './pipelined.js';

/** Requests under way in one call, answers that have not been written included; then no more is read. */
const REQUESTS = 1024;
/** And their bytes. */
const BYTES = 8 * 1024 * 1024;
/**
 * Requests that are begun in one turn of the event loop: the first group goes to the database with them, and the rest is made ready
 * while it is decided. `npm run bench` (S1, S6): of 256 appends in flight 128 at a time are 1.3 times as fast as all, 64 1.16.
 */
const BURST = 128;
/** Verdicts of one turn of the event loop go into one message, up to about so many bytes. */
const MESSAGE_BYTES = 1024 * 1024;

/** What a pipelined call works with. */
export interface PipelineParts<Item, P extends Plan, Verdict> {
  readonly call: ServerDuplexStream<Received<readonly Numbered<Item>[]>, Buffer>;
  readonly scope: CallScope;
  readonly desk: Desk;
  readonly rpc: string;
  readonly admission: Admission;
  readonly entry: PipelinedEntry<Item, P, Verdict>;
}

/** One pipelined call: requests are begun in the order sent, up to a bound, and each is answered when it is decided. */
export class Pipeline<Item, P extends Plan, Verdict> {
  readonly #parts: PipelineParts<Item, P, Verdict>;
  /** Received, not begun. */
  readonly #queue: (Numbered<Item> & { readonly bytes: number })[] = [];
  /** Begun, by correlation number, with their bytes. */
  readonly #underWay = new ChurnedMap<bigint, number>();
  readonly #results: { readonly result: Buffer; readonly correlation: bigint | undefined }[] = [];
  /** Begun and not answered yet; beside what is under way, repeated numbers, which are refused. */
  #begun = 0;
  #bytes = 0;
  /** There was no room; more is read when half of it is free again. */
  #full = false;
  /** Nothing more is begun: the client has half-closed, or the call ends with this error. */
  #last: { readonly error?: HeadwaterError } | undefined;
  #flushing = false;
  #resting = false;
  #stalled: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(parts: PipelineParts<Item, P, Verdict>) {
    this.#parts = parts;
  }

  start(): void {
    const { call, scope } = this.#parts;
    oneMessageAhead(call);
    scope.onDrain = () => this.#finish(shuttingDown());
    scope.signal.addEventListener('abort', () => this.#abandon(), { once: true });
    call.on('drain', () => {
      clearTimeout(this.#stalled);
      this.#stalled = undefined;
      this.#flush();
    });
    call.on('end', () => this.#finish());
    call.on('data', (received: Received<readonly Numbered<Item>[]>) => this.#receive(received));
    call.sendMetadata(new Metadata());
  }

  #receive(received: Received<readonly Numbered<Item>[]>): void {
    if (this.#last !== undefined) return;
    if ('malformed' in received) return this.#finish(received.malformed);
    const requests = received.message;
    // What one request costs is not known apart, so each gets its share.
    const bytes = received.byteLength / Math.max(1, requests.length);
    for (const { correlation, item } of requests) this.#queue.push({ correlation, item, bytes });
    this.#advance();
  }

  /** Begins what has room, and reads on, or stops to, by how much is under way. */
  #advance(): void {
    let taken = 0;
    while (!this.#resting && this.#begun < REQUESTS && this.#bytes < BYTES) {
      const next = this.#queue[taken];
      if (next === undefined) break;
      taken += 1;
      this.#begin(next);
      if (taken >= BURST) this.#rest();
    }
    this.#queue.splice(0, taken);
    const { call } = this.#parts;
    if (this.#begun >= REQUESTS || this.#bytes >= BYTES) this.#full = true;
    else if (this.#begun <= REQUESTS / 2 && this.#bytes <= BYTES / 2) this.#full = false;
    if (this.#full || this.#queue.length > 0) call.pause();
    else if (call.isPaused()) call.resume();
    this.#endIfDone();
  }

  /**
   * Begins no more in this turn of the event loop, nor in the next: what has begun may have come to appends only after this, and
   * those are sent in the next one. Begun before that, the rest would go with them, and the database would have all or nothing.
   */
  #rest(): void {
    this.#resting = true;
    const goOn = () => {
      this.#resting = false;
      if (!this.#parts.scope.signal.aborted && !this.#ended) this.#advance();
    };
    setImmediate(() => setImmediate(goOn));
  }

  #begin({ correlation, item, bytes }: Numbered<Item> & { readonly bytes: number }): void {
    const { admission, entry, scope } = this.#parts;
    this.#begun += 1;
    if (this.#underWay.has(correlation)) {
      const field = 'requests.correlation';
      const description = `is ${correlation}, the number of a request that is still under way`;
      const error = new InvalidRequestError([{ field, description }]);
      this.#settle(entry.failed(correlation, error), undefined);
      return;
    }
    this.#underWay.set(correlation, bytes);
    this.#bytes += bytes;
    try {
      const plan = admission.plan(entry.resolve(item, admission.caller));
      entry.handle(plan, scope.signal, admission).then(
        (verdict) => this.#settle(entry.answered(correlation, verdict), correlation),
        (error: unknown) => this.#fail(correlation, error),
      );
    } catch (error) {
      this.#fail(correlation, error);
    }
  }

  #fail(correlation: bigint, error: unknown): void {
    if (this.#parts.scope.signal.aborted) return;
    const { desk, entry, rpc } = this.#parts;
    this.#settle(entry.failed(correlation, desk.failure(error, rpc)), correlation);
  }

  #settle(result: Buffer, correlation: bigint | undefined): void {
    this.#results.push({ result, correlation });
    if (this.#flushing || this.#stalled !== undefined) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** Writes what was decided; a request counts as under way until its verdict is written. */
  #flush(): void {
    const { call, desk, scope } = this.#parts;
    if (scope.signal.aborted || this.#ended) return;
    let taken = 0;
    while (taken < this.#results.length && this.#stalled === undefined) {
      const message: Buffer[] = [];
      let bytes = 0;
      for (; taken < this.#results.length && bytes < MESSAGE_BYTES; taken++) {
        const settled = this.#results[taken];
        if (settled === undefined) break;
        message.push(settled.result);
        bytes += settled.result.byteLength;
        this.#release(settled.correlation);
      }
      if (!call.write(Buffer.concat(message, bytes)))
        this.#stalled = setTimeout(() => scope.abort(stalled(desk.stallTimeoutMs)), desk.stallTimeoutMs);
    }
    this.#results.splice(0, taken);
    this.#advance();
  }

  #release(correlation: bigint | undefined): void {
    this.#begun -= 1;
    if (correlation === undefined) return;
    this.#bytes -= this.#underWay.get(correlation) ?? 0;
    this.#underWay.delete(correlation);
  }

  /** Begins nothing more; what is under way is answered, and then the call ends. */
  #finish(error?: HeadwaterError): void {
    if (this.#last?.error !== undefined) return;
    this.#last = error === undefined ? {} : { error };
    // Of requests that were not begun the status says that they were not applied.
    if (error !== undefined) this.#queue.length = 0;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#ended || this.#last === undefined) return;
    if (this.#queue.length + this.#begun > 0) return;
    this.#ended = true;
    const { call } = this.#parts;
    if (this.#last.error === undefined) call.end();
    else call.emit('error', toServiceError(this.#last.error));
  }

  /** Nobody is there any more, or the call is ended by force. */
  #abandon(): void {
    clearTimeout(this.#stalled);
    this.#queue.length = 0;
    this.#results.length = 0;
    const { call, desk, rpc, scope } = this.#parts;
    if (this.#ended || scope.gone) return;
    this.#ended = true;
    call.emit('error', toServiceError(desk.failure(scope.signal.reason, rpc)));
  }
}

function stalled(milliseconds: number): OverloadedError {
  return new OverloadedError(`The caller took no answer for ${milliseconds} ms`, {
    limit: 'stall',
    outcome: 'UNKNOWN',
  });
}
