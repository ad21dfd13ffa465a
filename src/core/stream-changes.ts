import type { CallOptions } from './call-options.js';
import type { Microseconds } from './event.js';
import type { ExpectedVersion } from './expected-version.js';
import type { Range } from './filter.js';
import type { Retention, StreamId } from './stream.js';
import type { StreamChangeKind } from './system-events.js';

/** What all changes of a stream have in common. */
export interface StreamChangeRequest {
  readonly stream: StreamId;
  readonly expectedVersion: ExpectedVersion;
  /**
   * A UUID, the id of the event that records the change; the same change with the same id again is answered as the first
   * time.
   * @default the store makes one; such a call must not be retried blindly
   */
  readonly eventId?: string;
  /**
   * Facts about the change: who, why. Kept in the metadata of its event.
   * @default {}
   */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface TruncateStreamRequest extends StreamChangeRequest {
  /** The lowest version that stays: from 2 to one above the stream's version. */
  readonly beforeVersion: bigint;
}

export interface SetRetentionRequest extends StreamChangeRequest {
  /** Without a limit: everything is kept. */
  readonly retention: Retention;
}

export interface EraseEventsRequest extends StreamChangeRequest {
  /** At most 100 ranges with 1,000 versions in all, none above the stream's version. */
  readonly versions: readonly Required<Range<bigint>>[];
}

/** A change of a stream, of whatever kind. */
export type StreamChange = StreamChangeRequest & StreamChangeKind;

/** A change that is committed. */
export interface StreamChanged {
  readonly stream: StreamId;
  /** The version that the change took in its stream. */
  readonly version: bigint;
  readonly position: bigint;
  readonly epoch: bigint;
  /** The id of the event that records it. */
  readonly eventId: string;
  readonly recordedAt: Microseconds;
  /** It was done already: this is a repeat, answered as the first time. */
  readonly deduplicated: boolean;
}

/**
 * The changes of streams, each by its name, on one method that all stores have. Every change is an event in its stream
 * (`system-events.ts`), checked and written under the log's lock like an append.
 *
 * All fail with `InvalidRequestError`, `StreamNotFoundError`, `WrongExpectedVersionError`, `EventIdReusedError`, and with
 * `StoreUnavailableError` and `OverloadedError`, which may be retried with the same event id; those that need a stream
 * that is not deleted with `StreamDeletedError`.
 */
export abstract class StreamChanges {
  /** Makes one change. */
  abstract changeStream(change: StreamChange, options?: CallOptions): Promise<StreamChanged>;

  /**
   * Deletes a stream so that it can be restored: appends and reads of it are refused with `StreamDeletedError`. An append
   * with `NO_STREAM` creates it anew; versions go on, and what was before is hidden from reads of the stream. Readers of
   * the log still see its events.
   */
  deleteStream(request: StreamChangeRequest, options?: CallOptions): Promise<StreamChanged> {
    return this.changeStream({ ...request, kind: 'DELETE' }, options);
  }

  /** Takes a deletion back. Fails with `StreamNotDeletedError` if there is none. */
  restoreStream(request: StreamChangeRequest, options?: CallOptions): Promise<StreamChanged> {
    return this.changeStream({ ...request, kind: 'RESTORE' }, options);
  }

  /**
   * Hides the events below a version from reads of the stream at once; soon after they are emptied, for good. Where as much
   * or more was truncated before, nothing changes but that it is recorded.
   */
  truncateStream(request: TruncateStreamRequest, options?: CallOptions): Promise<StreamChanged> {
    return this.changeStream({ ...request, kind: 'TRUNCATE' }, options);
  }

  /** Sets or lifts what the stream keeps. What falls out is hidden at once and emptied soon after, for good. */
  setRetention(request: SetRetentionRequest, options?: CallOptions): Promise<StreamChanged> {
    return this.changeStream({ ...request, kind: 'SET_RETENTION' }, options);
  }

  /**
   * Deletes a stream and empties all its events but the store's own, for good. It may be deleted already. As soon as it is
   * recorded, readers get the events as erased; until all are emptied, which is what the call waits for,
   * `StreamInfo.erasing` tells what is left. A call that is ended before leaves the rest to the store.
   */
  eraseStream(request: StreamChangeRequest, options?: CallOptions): Promise<StreamChanged> {
    return this.changeStream({ ...request, kind: 'ERASE' }, options);
  }

  /** Empties some events of a stream, but for the store's own, for good. It may be deleted. */
  eraseEvents(request: EraseEventsRequest, options?: CallOptions): Promise<StreamChanged> {
    return this.changeStream({ ...request, kind: 'ERASE_EVENTS' }, options);
  }
}
