import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { AggregateService } from '../../gen/headwater/v1/aggregate_service_pb.js';
import { EventStoreService, GetLogRequestSchema } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import type { LedgerCommand } from '../core/command.js';
import { InternalError, SnapshotNotFoundError } from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import { refusalError } from '../core/refusal-error.js';
import type { Runtime } from '../core/runtime.js';
import type { NewSnapshot, Snapshot } from '../core/snapshot.js';
import { type StreamChange, type StreamChanged, StreamChanges } from '../core/stream-changes.js';
import type {
  AggregateTypeList,
  CountEventsRequest,
  EventCount,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  LogInfo,
  StreamList,
} from '../core/stream-list.js';
import type { StreamId, StreamInfo } from '../core/stream.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateAppend } from '../core/validate-append.js';
import {
  validateCountEvents,
  validateGetStream,
  validateListAggregateTypes,
  validateListStreams,
} from '../core/validate-list.js';
import { validateLoad, validateSubscribe } from '../core/validate-read.js';
import {
  validateCommandId,
  validateSnapshot,
  validateWantedSnapshot,
  type WantedSnapshot,
} from '../core/validate-snapshot.js';
import { validateStreamChange } from '../core/validate-stream-change.js';
import { fromWireFindCommandResponse, toWireFindCommandRequest } from '../wire/command-entry.js';
import { fromWireEventCount, toWireCountEventsRequest } from '../wire/count.js';
import { fromWireLogInfo } from '../wire/log-info.js';
import {
  fromWireGetSnapshotResponse,
  toWireDeleteSnapshotsRequest,
  toWireGetSnapshotRequest,
  toWireSaveSnapshotRequest,
} from '../wire/snapshot.js';
import { fromWireGetStreamResponse, toWireGetStreamRequest } from '../wire/stream-info.js';
import {
  fromWireAggregateTypeList,
  fromWireStreamList,
  toWireListAggregateTypesRequest,
  toWireListStreamsRequest,
} from '../wire/stream-list.js';
import type { AppendPipeline } from './append-protocol.js';
import { ask, type AskOptions } from './ask.js';
import { changeStream } from './change-stream.js';
import type { Channels } from './channels.js';
import { eraseStream } from './erase-stream.js';
import { LinkedSignal } from './linked-signal.js';
import { load } from './load.js';
import { NO_LIMITS } from './no-limits.js';
import { subscribe } from './subscribe.js';

/** What the client works with; `connect` puts it together. */
export interface EventStoreClientParts {
  readonly channels: Channels;
  readonly pipeline: AppendPipeline;
  readonly runtime: Runtime;
  readonly timeoutMs: number;
  readonly resumeTimeoutMs: number;
  readonly eraseTimeoutMs: number;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
}

/**
 * The event store over gRPC.
 *
 * Concurrent appends share one pipelined call. Whatever breaks is tried again by itself: appends and changes of streams
 * with the same event ids within their time, subscriptions from the last message on. `timeoutMilliseconds` of a call is
 * the time for all its tries; without it the connection's `timeoutMs` holds.
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
export class EventStoreClient extends StreamChanges implements EventStore {
  readonly #parts: EventStoreClientParts;

  constructor(parts: EventStoreClientParts) {
    super();
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
  async append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome> {
    validateAppend(request, NO_LIMITS);
    const { interveningBytes = 0, onConflict, ...rest } = this.#withIds(request);
    const asked = onConflict === 'RETURN' && interveningBytes > 0;
    // Up to here nothing was awaited: appends are sent in the order of the calls.
    const outcome = await this.#parts.pipeline.send(asked ? { ...rest, interveningBytes } : rest, options);
    // The wire leaves out what is empty: of a repeat whose result was erased, no bytes.
    if (outcome.outcome === 'APPENDED')
      return request.command !== undefined && outcome.deduplicated
        ? { commandResult: new Uint8Array(), ...outcome }
        : outcome;
    if (onConflict !== 'RETURN') throw refusalError(outcome);
    return asked ? { intervening: { events: [], truncated: false }, ...outcome } : outcome;
  }

  /**
   * Makes one change of a stream, for which `deleteStream` and the others are names; see {@link StreamChanges}. Without
   * an event id it gets a UUIDv7, so that it is safe to send it again, and is tried until it is answered or the time is
   * over. Then it fails as `append` does; make the same change with the same id again to find out.
   *
   * The erasure of a large stream takes longer than that: without `timeoutMilliseconds` it is waited for as long as it goes
   * on, up to the connection's `eraseTimeoutMs`. It is on record, and readers get no data of the stream, long before.
   *
   * @example
   * await eventStore.deleteStream({ stream, expectedVersion: 3n, metadata: { reason: 'closed' } });
   */
  override async changeStream(change: StreamChange, options?: CallOptions): Promise<StreamChanged> {
    validateStreamChange(change, NO_LIMITS);
    const patience = this.#patience(options);
    if (change.kind !== 'ERASE' || options?.timeoutMilliseconds !== undefined)
      return await changeStream(this.#parts, change, patience);
    const { eraseTimeoutMs, runtime } = this.#parts;
    const identified = { ...change, eventId: change.eventId ?? runtime.newEventId() };
    return await eraseStream(identified, {
      erase: () => changeStream(this.#parts, identified, patience),
      getStream: () => this.getStream(change.stream, options),
      monotonic: () => runtime.monotonic(),
      eraseTimeoutMs,
    });
  }

  /**
   * Reads what is in the log now; see {@link EventStore.load}. Tried again as long as no page has come; after that a
   * lost connection fails with `StoreUnavailableError`. `timeoutMilliseconds` is the time for the first page, but with
   * `minPosition`, where it is also how long the service may wait, for the whole load; `PositionNotReachedError` is an
   * answer, and not tried again.
   *
   * @example
   * for await (const event of eventsOf(eventStore.load({ scope: { kind: 'STREAM', stream } }))) apply(event);
   */
  async *load(request: LoadRequest, options: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    const linked = new LinkedSignal([options.signal, this.#parts.closed]);
    try {
      yield* load(this.#parts, request, { ...options, signal: linked.signal });
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

  /** What is known about a stream, deleted or not; see {@link EventStore.getStream}. */
  async getStream(stream: StreamId, options?: CallOptions): Promise<StreamInfo> {
    validateGetStream(stream);
    const { method } = EventStoreService;
    const answer = await this.#ask(method.getStream, toWireGetStreamRequest(stream), options);
    const info = fromWireGetStreamResponse(answer);
    if (info !== undefined) return info;
    throw new InternalError('without an id', { cause: new Error('The answer is empty') });
  }

  /**
   * Streams by aggregate type and id, page by page; see {@link EventStore.listStreams}.
   *
   * @example
   * let pageToken: string | undefined;
   * do {
   *   const page = await eventStore.listStreams({ aggregateType: 'Account', ...(pageToken && { pageToken }) });
   *   for (const { stream, version } of page.streams) console.log(stream.aggregateId, version);
   *   pageToken = page.nextPageToken;
   * } while (pageToken !== undefined);
   */
  async listStreams(request: ListStreamsRequest = {}, options?: CallOptions): Promise<StreamList> {
    validateListStreams(request);
    const { method } = EventStoreService;
    return fromWireStreamList(
      await this.#ask(method.listStreams, toWireListStreamsRequest(request), options),
    );
  }

  /** Aggregate types with the number of their streams and events; see {@link EventStore.listAggregateTypes}. */
  async listAggregateTypes(
    request: ListAggregateTypesRequest = {},
    options?: CallOptions,
  ): Promise<AggregateTypeList> {
    validateListAggregateTypes(request);
    const { method } = EventStoreService;
    return fromWireAggregateTypeList(
      await this.#ask(method.listAggregateTypes, toWireListAggregateTypesRequest(request), options),
    );
  }

  /** How many events a load of the same scope and filters would give; see {@link EventStore.countEvents}. */
  async countEvents(request: CountEventsRequest = {}, options?: CallOptions): Promise<EventCount> {
    validateCountEvents(request);
    const { method } = EventStoreService;
    return fromWireEventCount(
      await this.#ask(method.countEvents, toWireCountEventsRequest(request), options),
    );
  }

  /** A command of the ledger, or `undefined`; see {@link EventStore.findCommand}. */
  async findCommand(commandId: string, options?: CallOptions): Promise<LedgerCommand | undefined> {
    validateCommandId(commandId);
    const { method } = EventStoreService;
    return fromWireFindCommandResponse(
      await this.#ask(method.findCommand, toWireFindCommandRequest(commandId), options),
    );
  }

  /** Keeps a snapshot; see {@link EventStore.saveSnapshot}. */
  async saveSnapshot(stream: StreamId, snapshot: NewSnapshot, options?: CallOptions): Promise<void> {
    validateSnapshot(stream, snapshot);
    const request = toWireSaveSnapshotRequest({ stream, snapshot });
    await this.#ask(AggregateService.method.saveSnapshot, request, options);
  }

  /** The newest snapshot up to a version, or `undefined`; see {@link EventStore.getSnapshot}. */
  async getSnapshot(
    stream: StreamId,
    wanted: WantedSnapshot = {},
    options?: CallOptions,
  ): Promise<Snapshot | undefined> {
    validateWantedSnapshot(stream, wanted);
    try {
      const request = toWireGetSnapshotRequest({ stream, wanted });
      return fromWireGetSnapshotResponse(
        await this.#ask(AggregateService.method.getSnapshot, request, options),
      );
    } catch (error) {
      if (error instanceof SnapshotNotFoundError) return undefined;
      throw error;
    }
  }

  /** Throws all snapshots of an aggregate away; see {@link EventStore.deleteSnapshots}. */
  async deleteSnapshots(stream: StreamId, options?: CallOptions): Promise<bigint> {
    validateGetStream(stream);
    const request = toWireDeleteSnapshotsRequest(stream);
    return (await this.#ask(AggregateService.method.deleteSnapshots, request, options)).deleted;
  }

  /** The log as a whole. */
  async getLog(options?: CallOptions): Promise<LogInfo> {
    return fromWireLogInfo(
      await this.#ask(EventStoreService.method.getLog, create(GetLogRequestSchema), options),
    );
  }

  #ask<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageShape<Input>,
    options: CallOptions | undefined,
  ): Promise<MessageShape<Output>> {
    return ask(this.#parts, method, request, this.#patience(options));
  }

  #patience({ signal, timeoutMilliseconds }: CallOptions = {}): AskOptions {
    return { signal, timeoutMs: timeoutMilliseconds ?? this.#parts.timeoutMs };
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
