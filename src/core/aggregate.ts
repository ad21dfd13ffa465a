import type { StreamPattern } from './filter.js';
import type { Event, Microseconds } from './event.js';
import type { Snapshot } from './snapshot.js';
import type { StreamId } from './stream.js';
import type { LogPosition } from './subscribe.js';

/** What is known of an aggregate. */
export interface AggregateInfo {
  readonly aggregate: StreamId;
  /** As of when it was asked for; 0 if it was not there. */
  readonly version: bigint;
  /** It has events and is not deleted. */
  readonly exists: boolean;
  /** It is deleted now. */
  readonly deleted: boolean;
  /** When it was created, or created anew; `undefined` if it never was. */
  readonly createdAt: Microseconds | undefined;
  /** When its last event was recorded, as of when it was asked for. */
  readonly updatedAt: Microseconds | undefined;
}

/** As of when. */
export type AggregateMoment =
  | { readonly kind: 'VERSION'; readonly version: bigint }
  | { readonly kind: 'POSITION'; readonly position: bigint }
  | { readonly kind: 'TIME'; readonly time: Microseconds };

/** Which aggregate, and as of when. */
export interface GetAggregateRequest {
  readonly aggregate: StreamId;
  /** @default now */
  readonly at?: AggregateMoment;
  /**
   * Tell about a deleted aggregate too.
   * @default false: it is refused with `StreamDeletedError`
   */
  readonly includeDeleted?: boolean;
  /**
   * The log must have come this far, as in `LoadRequest`.
   * @default nothing is waited for
   */
  readonly minPosition?: LogPosition;
}

/** An aggregate, or a part of what is told about it. */
export interface AggregateView {
  /** In the first part only. */
  readonly info?: AggregateInfo;
  /** The folded state as JSON; only where a domain in the service knows how to fold it. */
  readonly state?: Uint8Array;
  /** Else: the newest snapshot up to the version, if there is one. */
  readonly snapshot?: Snapshot;
  /** And the events behind it. */
  readonly events: readonly Event[];
}

/** Which aggregates. */
export interface ListAggregatesRequest {
  readonly aggregateType: string;
  /** @default "EXCLUDE" */
  readonly deleted?: 'EXCLUDE' | 'INCLUDE' | 'ONLY';
  /**
   * At most so many, up to 1,000.
   * @default 100
   */
  readonly pageSize?: number;
  /** @default the first page */
  readonly pageToken?: string;
  /** As in `ListStreamsRequest`. */
  readonly only?: readonly StreamPattern[];
}

/** Some aggregates, by id. */
export interface AggregateList {
  readonly aggregates: readonly AggregateInfo[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

/** An aggregate that is watched, as it is now. */
export interface WatchedAggregate {
  /** Version 0 while it does not exist. */
  readonly info: AggregateInfo;
  /** The folded state as JSON; only where a domain in the service knows how to fold it. */
  readonly state?: Uint8Array;
  /** The position up to which this is so. */
  readonly position: bigint;
  readonly epoch: bigint;
}
