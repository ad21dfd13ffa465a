import type { AppendOutcome, AppendRequest, Appended } from './append.js';
import type { CallOptions } from './call-options.js';
import type { LoadPage, LoadRequest } from './load.js';
import type { LedgerCommand } from './command.js';
import type { FromSnapshot, LoadedAggregate } from './loaded-aggregate.js';
import type { NewSnapshot, Snapshot } from './snapshot.js';
import type { StreamChanges } from './stream-changes.js';
import type {
  AggregateTypeList,
  CountEventsRequest,
  EventCount,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  LogInfo,
  StreamList,
} from './stream-list.js';
import type { StreamId, StreamInfo } from './stream.js';
import type { SubscribeRequest, SubscriptionMessage } from './subscribe.js';

export type { CallOptions } from './call-options.js';

/**
 * The port behind which a log lives. Three implementations pass one contract suite: on Postgres, in memory, and over
 * gRPC. All that is above knows only this.
 */
export interface EventStore extends StreamChanges {
  /**
   * Appends events to one or many streams: all of them or none. When it resolves, they are committed.
   *
   * Checks run in this order: repeat of an earlier append, streams deleted, expected versions, condition. Fails with
   * `InvalidRequestError`, `EventIdReusedError`, `StreamDeletedError`, `WrongExpectedVersionError` and
   * `AppendConditionFailedError` (unless `onConflict` is `RETURN`), for a condition's position `PositionUnknownError` and
   * `LogEpochChangedError`, and with `StoreUnavailableError` and `OverloadedError`; retry these two with the same ids.
   *
   * Of many who contend for one stream the refusals are told in turn, as the stream moves on, so that all get through.
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

  /**
   * Reads what is in the log now, page by page, and ends; the upper bound is fixed when the first page is asked for.
   * There is always at least one page. Ranges of successive pages meet without gap: forwards a page's `scannedAfter` is
   * the former's `scannedTo`, backwards the other way round. Nothing is held between pages, so a reader may take its
   * time, or leave.
   *
   * What a stream no longer shows (truncated, expired; with a scope of streams also deleted) is not delivered; readers of
   * the log may see truncated and expired events until they are emptied.
   *
   * Fails with `InvalidRequestError`, `StreamNotFoundError` and `StreamDeletedError` (a one-stream scope only),
   * `PositionNotReachedError` (retry), `PositionUnknownError`, `LogEpochChangedError`, `StoreUnavailableError` (retry).
   */
  load(request: LoadRequest, options?: CallOptions): AsyncIterable<LoadPage>;

  /**
   * Reads what is in the log and goes on live until it is left or aborted: every matching event in position order, at
   * least once. A live follower that nothing is for is told about once a second how far the log was scanned while it moves,
   * so that it moves on with a narrow filter; before that, each piece of the log that was looked through is told.
   *
   * Fails with `InvalidRequestError`, `PositionUnknownError`, `LogEpochChangedError`, `StoreUnavailableError`,
   * `OverloadedError` (resume from the last message's `scannedTo`).
   */
  subscribe(request: SubscribeRequest, options?: CallOptions): AsyncIterable<SubscriptionMessage>;

  /** What is known about a stream, deleted or not. Fails with `InvalidRequestError`, `StreamNotFoundError`. */
  getStream(stream: StreamId, options?: CallOptions): Promise<StreamInfo>;

  /**
   * Streams by aggregate type and id, page by page. A stream that is there during the whole listing is listed exactly
   * once, whatever is written meanwhile. Fails with `InvalidRequestError`.
   */
  listStreams(request?: ListStreamsRequest, options?: CallOptions): Promise<StreamList>;

  /** Aggregate types with the number of their streams and events. Counts all streams. Fails with `InvalidRequestError`. */
  listAggregateTypes(request?: ListAggregateTypesRequest, options?: CallOptions): Promise<AggregateTypeList>;

  /** How many events a load of the same scope and filters would give. Fails as `load` does. */
  countEvents(request?: CountEventsRequest, options?: CallOptions): Promise<EventCount>;

  /** A command of the ledger, or `undefined`. Fails with `InvalidRequestError`, `StoreUnavailableError` (retry). */
  findCommand(commandId: string, options?: CallOptions): Promise<LedgerCommand | undefined>;

  /**
   * Keeps a snapshot: a copy of an aggregate's state, which may be thrown away at any time. An older one stays until there
   * are more than three; one of the same version is replaced. Fails with `InvalidRequestError` (the aggregate has not come
   * to that version, too large), `StreamNotFoundError`, `StreamDeletedError`, `StoreUnavailableError`.
   */
  saveSnapshot(stream: StreamId, snapshot: NewSnapshot, options?: CallOptions): Promise<void>;

  /** The newest snapshot up to a version, or `undefined`. Never one from before the stream was created anew. */
  getSnapshot(
    stream: StreamId,
    wanted?: { readonly upToVersion?: bigint; readonly schemaVersion?: number },
    options?: CallOptions,
  ): Promise<Snapshot | undefined>;

  /**
   * An aggregate with its snapshot and what stands behind it, of one moment and in one go. For those who fold aggregates:
   * it shows what `getSnapshot` and a `load` of the stream show. A store need not have it; who lacks it makes these two.
   * Fails with `InvalidRequestError`, `StoreUnavailableError` and `OverloadedError` (retry these two).
   */
  loadAggregate?(stream: StreamId, from: FromSnapshot, options?: CallOptions): Promise<LoadedAggregate>;

  /** Throws all snapshots of an aggregate away; gives how many there were. */
  deleteSnapshots(stream: StreamId, options?: CallOptions): Promise<bigint>;

  /** The log as a whole. */
  getLog(options?: CallOptions): Promise<LogInfo>;
}

/** What most who use a store need of it: to append, to read and to follow. */
export type EventLog = Pick<EventStore, 'append' | 'load' | 'subscribe'>;
