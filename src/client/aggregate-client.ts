import { AggregateService } from '../../gen/headwater/v1/aggregate_service_pb.js';
import type {
  AggregateList,
  AggregateView,
  GetAggregateRequest,
  ListAggregatesRequest,
  WatchedAggregate,
} from '../core/aggregate.js';
import type { CallOptions } from '../core/call-options.js';
import { DeadlineExceededError, StoreUnavailableError } from '../core/errors.js';
import type { StreamId } from '../core/stream.js';
import {
  fromWireAggregateList,
  fromWireAggregateView,
  fromWireWatchedAggregate,
  toWireGetAggregateRequest,
  toWireListAggregatesRequest,
  toWireWatchAggregateRequest,
} from '../wire/aggregate.js';
import { ask, type AskParts } from './ask.js';
import { backoff } from './backoff.js';
import { openServerStream, receive } from './calls.js';
import { isTransient } from './failure.js';
import { LinkedSignal } from './linked-signal.js';

const { getAggregate, listAggregates, watchAggregate } = AggregateService.method;

export interface AggregateClientParts extends AskParts {
  readonly timeoutMs: number;
  /** Milliseconds for which a watch tries to go on without a single message. */
  readonly resumeTimeoutMs: number;
}

/** Reads aggregates of a service: folded where a domain of the service knows how, else as snapshot and events. */
export class AggregateClient {
  readonly #parts: AggregateClientParts;

  constructor(parts: AggregateClientParts) {
    this.#parts = parts;
  }

  /**
   * An aggregate, now or as it was: what is known of it and its state or snapshot in the first part, the events behind the
   * snapshot in all of them. Fails with `StreamNotFoundError`, `StreamDeletedError` (unless `includeDeleted`),
   * `InvalidRequestError` for a version that it has not come to, and as `load` does. Tried again as long as no part has come;
   * `timeoutMilliseconds` is the time for all.
   *
   * @example
   * for await (const { info, state } of connection.aggregates.get({ aggregate, at: { kind: 'VERSION', version: 3n } }))
   *   console.log(info?.version, state);
   */
  async *get(
    request: GetAggregateRequest,
    { signal, timeoutMilliseconds = this.#parts.timeoutMs }: CallOptions = {},
  ): AsyncGenerator<AggregateView, void, undefined> {
    const { channels, closed, runtime } = this.#parts;
    const wire = toWireGetAggregateRequest(request);
    const begun = runtime.monotonic();
    const linked = new LinkedSignal([signal, closed]);
    try {
      for (let failures = 1; ; failures++) {
        const client = channels.current;
        const timeoutMs = timeoutMilliseconds - (runtime.monotonic() - begun);
        let any = false;
        try {
          const call = openServerStream(client, getAggregate, wire, { timeoutMs });
          for await (const answer of receive(call, linked.signal)) {
            any = true;
            yield fromWireAggregateView(answer);
          }
          return;
        } catch (error) {
          if (any || !isTransient(error) || linked.signal.aborted) throw error;
          channels.failed(client);
          const pause = backoff(failures, runtime, error.retryAfterMilliseconds);
          if (runtime.monotonic() - begun + pause > timeoutMilliseconds) throw error;
          await runtime.sleep(pause, linked.signal);
        }
      }
    } finally {
      linked.close();
    }
  }

  /** Aggregates of a type by id, page by page; stable under writes, as `listStreams`. */
  async list(
    request: ListAggregatesRequest,
    { signal, timeoutMilliseconds: timeoutMs = this.#parts.timeoutMs }: CallOptions = {},
  ): Promise<AggregateList> {
    const wire = toWireListAggregatesRequest(request);
    return fromWireAggregateList(await ask(this.#parts, listAggregates, wire, { signal, timeoutMs }));
  }

  /**
   * The aggregate now, and again after each change, until it is left or aborted; who is slow gets the newest and not all in
   * between. Goes on after a break.
   */
  async *watch(
    aggregate: StreamId,
    { signal }: CallOptions = {},
  ): AsyncGenerator<WatchedAggregate, void, undefined> {
    const { channels, closed, resumeTimeoutMs, runtime } = this.#parts;
    const linked = new LinkedSignal([signal, closed]);
    let last: WatchedAggregate | undefined;
    let failures = 0;
    let brokenSince = runtime.monotonic();
    try {
      for (;;) {
        linked.signal.throwIfAborted();
        const client = channels.current;
        let broken: unknown = new StoreUnavailableError('The service ended the watch without a reason');
        try {
          const call = openServerStream(client, watchAggregate, toWireWatchAggregateRequest(aggregate));
          for await (const answer of receive(call, linked.signal)) {
            const watched = fromWireWatchedAggregate(answer);
            failures = 0;
            // After a break the service begins with what is known already.
            if (last?.info.version === watched.info.version && last.info.deleted === watched.info.deleted)
              continue;
            last = watched;
            yield watched;
          }
        } catch (error) {
          broken = error;
        }
        linked.signal.throwIfAborted();
        if (!isTransient(broken) && !(broken instanceof DeadlineExceededError)) throw broken;
        channels.failed(client);
        if (failures === 0) brokenSince = runtime.monotonic();
        failures += 1;
        const pause = backoff(failures, runtime, isTransient(broken) ? broken.retryAfterMilliseconds : 0);
        if (runtime.monotonic() - brokenSince + pause > resumeTimeoutMs) throw broken;
        await runtime.sleep(pause, linked.signal);
      }
    } finally {
      linked.close();
    }
  }
}
