import type { Status } from '../../gen/google/rpc/status_pb.js';
import type { CallOptions } from '../core/call-options.js';
import {
  type HeadwaterError,
  InternalError,
  OverloadedError,
  type StoreUnavailableError,
} from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import { ChurnedMap } from '../core/churned-map.js';
import { fromWireStatus } from '../wire/errors.js';
import { backoff } from './backoff.js';
import type { Channels } from './channels.js';
import { isTransient } from './failure.js';
import { PendingRequest } from './pending-request.js';
import { PipelinedCall, type PipelinedMethod } from './pipelined-call.js';

/** No message that we send exceeds it, unless one append does. */
const MESSAGE_BYTES = 3.5 * 1024 * 1024;
/** Requests sent and not answered, as the service allows them per call … */
const REQUESTS = 1024;
/** … and their bytes. */
const BYTES = 8 * 1024 * 1024;

/** The words of one pipelined RPC. */
export interface PipelineProtocol<Request, Verdict>
  extends PipelinedMethod<readonly PipelinedResult<Verdict>[]> {
  /** In words, for messages: "append". */
  readonly noun: string;
  /** The field that is too long where the whole is. */
  readonly field: string;
  /** The request with its correlation number, as one entry of a message: with tag and length in front. */
  encode(correlation: bigint, request: Request): Uint8Array;
}

/** A verdict, or why there is none; neither for an answer that is empty. */
export interface PipelinedResult<Verdict> {
  readonly correlation: bigint;
  readonly verdict?: Verdict | undefined;
  readonly failed?: Status | undefined;
}

/** How requests are sent. */
export interface RequestPipelineOptions<Request, Verdict> {
  readonly protocol: PipelineProtocol<Request, Verdict>;
  readonly channels: Channels;
  readonly runtime: Runtime;
  readonly timeoutMs: number;
  /** How long the call stays open with nothing to do. */
  readonly idleMs: number;
  /** Requests that may wait for their turn. */
  readonly queueRequests: number;
  /** And their bytes. */
  readonly queueBytes: number;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
}

/**
 * All appends, or commands, of a client through one call, in the order in which they were made; those of one turn of the
 * event loop in one message. A lost call is opened again, and what was under way sent again with the same ids, so that
 * nothing is applied twice.
 */
export class RequestPipeline<Request, Verdict> {
  readonly #options: RequestPipelineOptions<Request, Verdict>;
  /** Not sent, or to be sent again; in order. */
  #waiting: PendingRequest<Verdict>[] = [];
  #waitingBytes = 0;
  readonly #underWay = new ChurnedMap<bigint, PendingRequest<Verdict>>();
  #underWayBytes = 0;
  #call: PipelinedCall<readonly PipelinedResult<Verdict>[]> | undefined;
  #next = 1n;
  #scheduled = false;
  /** Calls and requests that failed in a row. */
  #failures = 0;
  #pausing = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: RequestPipelineOptions<Request, Verdict>) {
    this.#options = options;
    options.closed.addEventListener('abort', () => this.#close(), { once: true });
  }

  send(request: Request, options: CallOptions = {}): Promise<Verdict> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { closed, protocol, queueBytes, queueRequests } = this.#options;
    const { field, noun } = protocol;
    const timeoutMs = options.timeoutMilliseconds ?? this.#options.timeoutMs;
    closed.throwIfAborted();
    if (this.#waiting.length >= queueRequests || this.#waitingBytes >= queueBytes)
      throw new OverloadedError(`${this.#waiting.length} ${noun}s wait for their turn already`, {
        limit: 'client queue',
        outcome: 'NOT_APPLIED',
      });
    const encoded = protocol.encode(this.#next, request);
    const onLeft = () => this.#forget(pending);
    const pending: PendingRequest<Verdict> = new PendingRequest(this.#next, {
      noun,
      field,
      encoded,
      timeoutMs,
      signal,
      onLeft,
    });
    this.#next += 1n;
    this.#waiting.push(pending);
    this.#waitingBytes += pending.encoded.byteLength;
    this.#schedule();
    return pending.verdict;
  }

  /** Gives up what is not answered. */
  #close(): void {
    clearTimeout(this.#idle);
    for (const pending of [...this.#underWay.values(), ...this.#waiting])
      if (!pending.settled) pending.giveUp('The connection is closed');
    this.#underWay.clear();
    this.#waiting = [];
    this.#call?.cancel();
    this.#call = undefined;
  }

  #schedule(): void {
    if (this.#scheduled || this.#pausing) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#options.closed.aborted || this.#pausing) return;
    let taken = 0;
    while (taken < this.#waiting.length && this.#hasRoom()) {
      const call = (this.#call ??= this.#open());
      if (!call.writable) break;
      const message: PendingRequest<Verdict>[] = [];
      let bytes = 0;
      for (; taken < this.#waiting.length && this.#hasRoom(); taken++) {
        const pending = this.#waiting[taken];
        if (pending === undefined) break;
        const size = pending.encoded.byteLength;
        if (message.length > 0 && bytes + size > MESSAGE_BYTES) break;
        bytes += size;
        message.push(pending);
        this.#underWay.set(pending.correlation, pending);
        this.#underWayBytes += size;
        this.#waitingBytes -= size;
        pending.underWay = true;
      }
      call.write(message);
    }
    if (taken > 0) this.#waiting.splice(0, taken);
    this.#watchIdle();
  }

  #hasRoom(): boolean {
    return this.#underWay.size < REQUESTS && this.#underWayBytes < BYTES;
  }

  #open(): PipelinedCall<readonly PipelinedResult<Verdict>[]> {
    const { channels, protocol } = this.#options;
    const call: PipelinedCall<readonly PipelinedResult<Verdict>[]> = new PipelinedCall(
      channels.current,
      protocol,
      {
        onAnswer: (results) => {
          for (const result of results) this.#answer(result);
          if (this.#waiting.length > 0) this.#schedule();
        },
        onWritable: () => this.#schedule(),
        onEnd: (error) => this.#lost(call, error),
      },
    );
    return call;
  }

  #answer({ correlation, failed, verdict }: PipelinedResult<Verdict>): void {
    const pending = this.#underWay.get(correlation);
    if (pending === undefined) return;
    this.#underWay.delete(correlation);
    this.#underWayBytes -= pending.encoded.byteLength;
    if (failed === undefined) this.#failures = 0;
    if (pending.settled) return;
    if (verdict !== undefined) return pending.succeed(verdict);
    if (failed === undefined)
      return pending.fail(new InternalError('without an id', { cause: new Error('The answer is empty') }));
    const error = fromWireStatus(failed);
    if (isTransient(error)) this.#again([pending], error);
    else pending.fail(error);
  }

  /** The call is over, and what was under way in it has no verdict. */
  #lost(call: PipelinedCall<readonly PipelinedResult<Verdict>[]>, error: HeadwaterError): void {
    // Half-closed for idleness: nothing was under way.
    if (call !== this.#call) return;
    this.#call = undefined;
    const unanswered = this.#underWay.values().filter(({ settled }) => !settled);
    this.#underWay.clear();
    this.#underWayBytes = 0;
    this.#options.channels.failed(call.client);
    if (isTransient(error)) this.#again(unanswered, error);
    else for (const pending of unanswered) pending.fail(error);
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Puts requests back in front, in their order, and waits a while before anything is sent. */
  #again(requests: readonly PendingRequest<Verdict>[], error: StoreUnavailableError | OverloadedError): void {
    for (const pending of requests) {
      pending.tried(error);
      this.#waitingBytes += pending.encoded.byteLength;
    }
    this.#waiting = [...requests, ...this.#waiting].sort((a, b) => (a.correlation < b.correlation ? -1 : 1));
    if (this.#pausing || this.#waiting.length === 0) return;
    this.#pausing = true;
    this.#failures += 1;
    const { closed, runtime } = this.#options;
    const resume = () => {
      this.#pausing = false;
      this.#schedule();
    };
    runtime
      .sleep(backoff(this.#failures, runtime, error.retryAfterMilliseconds), closed)
      .then(resume, resume);
  }

  /** The caller no longer waits. What was sent keeps its place until it is answered. */
  #forget(pending: PendingRequest<Verdict>): void {
    if (pending.underWay) return;
    const index = this.#waiting.indexOf(pending);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= pending.encoded.byteLength;
  }

  /** Half-closes an idle call, so that a service that shuts down is not held. */
  #watchIdle(): void {
    this.#idle ??= setTimeout(() => {
      this.#idle = undefined;
      if (this.#underWay.size > 0 || this.#waiting.length > 0) return this.#watchIdle();
      this.#call?.end();
      this.#call = undefined;
    }, this.#options.idleMs).unref();
  }
}
