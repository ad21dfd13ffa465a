import type { Event, Microseconds } from './event.js';
import type { Filter, Scope } from './filter.js';

/** A place in one life of a log: what a follower keeps in order to resume. */
export interface LogPosition {
  /** The position that was finished; 0 is before the first event. */
  readonly position: bigint;
  /**
   * The epoch in which the position was read.
   * @default unknown: then only a position above the log's head is refused
   */
  readonly epoch?: bigint;
}

/** Where a subscription begins. */
export type SubscribeStart =
  | { readonly kind: 'BEGINNING' }
  | { readonly kind: 'AFTER'; readonly after: LogPosition }
  | { readonly kind: 'END' }
  | { readonly kind: 'TIME'; readonly time: Microseconds };

/** What to follow, and from where; by default the whole log from its beginning. */
export interface SubscribeRequest {
  /** @default the whole log */
  readonly scope?: Scope;
  /**
   * Match events that match at least one of these; at most 16.
   * @default all events
   */
  readonly filters?: readonly Filter[];
  /** @default before the first event */
  readonly start?: SubscribeStart;
}

/** Some events, or a signal, and how far the log was scanned. */
export interface SubscriptionMessage {
  /** Those that match, in position order. May be empty. */
  readonly events: readonly Event[];
  /** The message covers the positions above this one; it is the former message's `scannedTo` … */
  readonly scannedAfter: bigint;
  /** … up to and including this one, which is the position to keep once the events are handled. */
  readonly scannedTo: bigint;
  /** To be kept with the position. */
  readonly epoch: bigint;
  /** Set in a message without events. */
  readonly signal?: SubscriptionSignal;
}

export type SubscriptionSignal =
  /** What was in the log has been delivered; what comes now is live. */
  | { readonly kind: 'CAUGHT_UP' }
  /** The reader was too slow to be served live; what it misses follows from the table. */
  | { readonly kind: 'FELL_BEHIND'; readonly head: bigint };
