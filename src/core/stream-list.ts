import type { Microseconds } from './event.js';
import type { Filter, Scope, StreamPattern } from './filter.js';
import type { Epoch } from './log.js';
import type { StreamInfo } from './stream.js';

/** Which streams to list; by default all that are not deleted. */
export interface ListStreamsRequest {
  /** @default all */
  readonly aggregateType?: string;
  /**
   * Whose id begins so; needs `aggregateType`.
   * @default all
   */
  readonly aggregateIdPrefix?: string;
  /** @default "EXCLUDE" */
  readonly deleted?: 'EXCLUDE' | 'INCLUDE' | 'ONLY';
  /**
   * At most so many, up to 1,000.
   * @default 100
   */
  readonly pageSize?: number;
  /**
   * The `nextPageToken` of the page before, with all else as it was, the namespace too.
   * @default the first page
   */
  readonly pageToken?: string;
  /**
   * Of those only what any of these names: what the caller may see. Set by policies, never by a caller.
   * @default all
   */
  readonly only?: readonly StreamPattern[];
}

/** Some streams, by aggregate type, then id, each by its bytes. */
export interface StreamList {
  readonly streams: readonly StreamInfo[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

export interface ListAggregateTypesRequest {
  /**
   * At most so many, up to 1,000.
   * @default 100
   */
  readonly pageSize?: number;
  /** @default the first page */
  readonly pageToken?: string;
  /**
   * Counted are only streams that any of these names: what the caller may see. Set by policies, never by a caller.
   * @default all
   */
  readonly only?: readonly StreamPattern[];
}

/** An aggregate type and how much there is of it. */
export interface AggregateTypeInfo {
  readonly aggregateType: string;
  /** Its streams that are not deleted. */
  readonly streams: bigint;
  /** Its streams that are deleted. */
  readonly deletedStreams: bigint;
  /** All events ever appended to them, the store's own and emptied ones included. */
  readonly events: bigint;
}

/** Some aggregate types, by their bytes. */
export interface AggregateTypeList {
  readonly aggregateTypes: readonly AggregateTypeInfo[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

/** Which events to count; as in `LoadRequest`. */
export interface CountEventsRequest {
  readonly scope?: Scope;
  readonly filters?: readonly Filter[];
  readonly includeDeleted?: boolean;
}

export interface EventCount {
  readonly count: bigint;
  /** The head of the log when they were counted. */
  readonly position: bigint;
  readonly epoch: bigint;
}

/** The log as a whole. */
export interface LogInfo {
  /** The last event's position; 0 if there is none. */
  readonly position: bigint;
  readonly epoch: bigint;
  /** Bytes that it takes in the database, indexes included; 0 where that is not known. */
  readonly bytes: bigint;
  /** When the first event was recorded; `undefined` if there is none. */
  readonly oldest: Microseconds | undefined;
  /** When the last event was recorded; `undefined` if there is none. */
  readonly newest: Microseconds | undefined;
  /** The lives of the log, oldest first; the newest 100 at most. */
  readonly epochs: readonly Epoch[];
}
