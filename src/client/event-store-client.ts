import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import { WrongExpectedVersionError } from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import type { Limits } from '../core/limits.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateAppend } from '../core/validate-append.js';
import { validateLoad, validateSubscribe } from '../core/validate-read.js';
import type { AppendPipeline } from './append-pipeline.js';
import type { Channels } from './channels.js';
import { LinkedSignal } from './linked-signal.js';
import { load } from './load.js';
import { subscribe } from './subscribe.js';

/** What the client works with; `connect` puts it together. */
export interface EventStoreClientParts {
  readonly channels: Channels;
  readonly pipeline: AppendPipeline;
  readonly runtime: Runtime;
  readonly timeoutMs: number;
  readonly resumeTimeoutMs: number;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
}

/**
 * Sizes are the service's to limit. The other rules hold here too, because some of what they forbid cannot be said on
 * the wire, where an empty id is none, a limit of 0 is "all", and a lone surrogate silently becomes U+FFFD.
 */
const NO_LIMITS: Limits = {
  eventDataBytes: Number.POSITIVE_INFINITY,
  eventMetadataBytes: Number.POSITIVE_INFINITY,
  eventTags: Number.POSITIVE_INFINITY,
  appendEvents: Number.POSITIVE_INFINITY,
  appendBytes: Number.POSITIVE_INFINITY,
};

/**
 * The event store over gRPC.
 *
 * Concurrent appends share one pipelined call. Whatever breaks is tried again by itself: appends with the same event
 * ids within their time, subscriptions from the last message on.
 *
 * @example
 * const { eventStore } = connect({ address: 'localhost:4080' });
 * const stream = { aggregateType: 'Account', aggregateId: '42' };
 * await eventStore.append({
 *   streams: [
 *     {
 *       stream,
 *       expectedVersion: 'NO_STREAM',
 *       events: [{ eventType: 'AccountOpened', data: new TextEncoder().encode('{"owner":"Ada"}') }],
 *     },
 *   ],
 * });
 */
export class EventStoreClient implements EventStore {
  readonly #parts: EventStoreClientParts;

  constructor(parts: EventStoreClientParts) {
    this.#parts = parts;
  }

  /**
   * Appends; see {@link EventStore.append}. Events without an id get a UUIDv7, so that it is safe to send them again.
   * Tried until it is answered or the time is over, then fails with `StoreUnavailableError` or `DeadlineExceededError`
   * whose `outcome` says whether it may have been applied; append the same ids again to find out.
   *
   * @example
   * const { lastPosition } = await eventStore.append({ streams: [{ stream, expectedVersion: 3n, events }] });
   */
  append(
    request: AppendRequest & { readonly onConflict: 'RETURN' },
    options?: CallOptions,
  ): Promise<AppendOutcome>;
  append(
    request: AppendRequest & { readonly onConflict?: 'THROW' },
    options?: CallOptions,
  ): Promise<Appended>;
  append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome>;
  async append(request: AppendRequest, { signal }: CallOptions = {}): Promise<AppendOutcome> {
    validateAppend(request, NO_LIMITS);
    // Up to here nothing was awaited: appends are sent in the order of the calls.
    const outcome = await this.#parts.pipeline.append(this.#withIds(request), signal);
    if (outcome.outcome === 'REFUSED' && request.onConflict !== 'RETURN')
      throw new WrongExpectedVersionError(outcome.conflicts);
    return outcome;
  }

  /**
   * Reads what is in the log now; see {@link EventStore.load}. Tried again as long as no page has come; after that a
   * lost connection fails with `StoreUnavailableError`.
   *
   * @example
   * for await (const event of eventsOf(eventStore.load({ scope: { kind: 'STREAM', stream } }))) apply(event);
   */
  async *load(request: LoadRequest, { signal }: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    const linked = new LinkedSignal([signal, this.#parts.closed]);
    try {
      yield* load(this.#parts, request, linked.signal);
    } finally {
      linked.close();
    }
  }

  /**
   * Reads on for ever; see {@link EventStore.subscribe}. After a break it resumes behind the last message, and gives up
   * only when not a single message has come for `resumeTimeoutMs`. Leaving the loop ends it on the service too.
   *
   * @example
   * for await (const { events, scannedTo, epoch } of eventStore.subscribe({ start: { kind: 'END' } })) {
   *   for (const event of events) await handle(event);
   *   await keep({ position: scannedTo, epoch });
   * }
   */
  async *subscribe(
    request: SubscribeRequest,
    { signal }: CallOptions = {},
  ): AsyncGenerator<SubscriptionMessage, void, undefined> {
    validateSubscribe(request);
    const linked = new LinkedSignal([signal, this.#parts.closed]);
    try {
      yield* subscribe(this.#parts, request, linked.signal);
    } finally {
      linked.close();
    }
  }

  #withIds(request: AppendRequest): AppendRequest {
    const { runtime } = this.#parts;
    return {
      ...request,
      streams: request.streams.map((entry) => ({
        ...entry,
        events: entry.events.map((event) =>
          event.eventId === undefined ? { ...event, eventId: runtime.newEventId() } : event,
        ),
      })),
    };
  }
}
