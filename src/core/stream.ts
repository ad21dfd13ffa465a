import type { Microseconds } from './event.js';

/** Names one stream: all the events of one aggregate. */
export interface StreamId {
  /** The kind of aggregate; 1 to 255 bytes of UTF-8, no control characters, no `$` in front. */
  readonly aggregateType: string;
  /** Which aggregate of that kind; 1 to 255 bytes of UTF-8, no control characters. */
  readonly aggregateId: string;
}

/** A stream and the version of its last event. */
export interface StreamVersion {
  readonly stream: StreamId;
  /** 1 is the first event's. */
  readonly version: bigint;
}

/** What a stream keeps; older events are hidden at once and emptied soon after. Without a limit: everything. */
export interface Retention {
  /** Events recorded longer ago are hidden. In microseconds, at least a second. */
  readonly maxAge?: Microseconds;
  /** Only so many of the newest events are shown, at least 1; the store's own (`$…`) are not counted. */
  readonly maxCount?: bigint;
}

/** What is known about a stream that has, or had, events. */
export interface StreamInfo {
  readonly stream: StreamId;
  /** The version of its last event. */
  readonly version: bigint;
  /** The lowest version that a read of this stream still shows; above `version` if it shows none. */
  readonly firstVersion: bigint;
  /** When it was created, or created anew. */
  readonly createdAt: Microseconds;
  /** When its last event was recorded. */
  readonly updatedAt: Microseconds;
  /** When it was deleted; `undefined` if it is not deleted. */
  readonly deletedAt: Microseconds | undefined;
  readonly retention: Retention;
  /**
   * Versions that an erasure of the stream has still to go through, to empty their events; 0 if none is under way. Readers
   * get these events as erased already.
   */
  readonly erasing: bigint;
}

/** A key under which a stream can stand in a Map; names have no control characters, so it is unambiguous. */
export function streamKey(stream: StreamId): string {
  return `${stream.aggregateType}\n${stream.aggregateId}`;
}
