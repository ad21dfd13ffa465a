import type { AppendOutcome, AppendRequest, Appended } from './append.js';
import type { LoadPage, LoadRequest } from './load.js';
import type { SubscribeRequest, SubscriptionMessage } from './subscribe.js';

/** How long a call may take. */
export interface CallOptions {
  /**
   * Ends the call: it rejects with the signal's reason and frees what it held. An append that was already sent to the
   * database may still be applied.
   */
  readonly signal?: AbortSignal;
}

/**
 * The port behind which a log lives. Three implementations pass one contract suite: on Postgres, in memory, and over
 * gRPC. All that is above knows only this.
 */
export interface EventStore {
  /**
   * Appends events to one or many streams: all of them or none. When it resolves, they are committed.
   *
   * Checks run in this order: repeat of an earlier append, expected versions. Fails with `InvalidRequestError`,
   * `WrongExpectedVersionError` (unless `onConflict` is `RETURN`), `EventIdReusedError`, `StoreUnavailableError`,
   * `OverloadedError`; retry the last two with the same ids.
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
   * Fails with `InvalidRequestError`, `StreamNotFoundError` (a one-stream scope only), `StoreUnavailableError` (retry).
   */
  load(request: LoadRequest, options?: CallOptions): AsyncIterable<LoadPage>;

  /**
   * Reads what is in the log and goes on live until it is left or aborted: every matching event in position order, at
   * least once. A message is given at least every few seconds or thousand positions scanned, so that a follower with a
   * narrow filter moves on.
   *
   * Fails with `InvalidRequestError`, `PositionUnknownError`, `LogEpochChangedError`, `StoreUnavailableError`,
   * `OverloadedError` (resume from the last message's `scannedTo`).
   */
  subscribe(request: SubscribeRequest, options?: CallOptions): AsyncIterable<SubscriptionMessage>;
}
