import type { Event, Microseconds } from './event.js';
import type { Range } from './filter.js';
import type { Retention } from './stream.js';

/**
 * The store's own events. Each stands in the stream that it is about and takes a version and a position, so that every
 * follower learns of it; its data is JSON.
 */
export type SystemEventType =
  | '$stream-deleted'
  | '$stream-restored'
  | '$stream-truncated'
  | '$stream-retention-set'
  | '$stream-erased'
  | '$events-erased';

/** Whether the type is one of the store's own. */
export function isSystemEventType(eventType: string): boolean {
  return eventType.startsWith('$');
}

/** What changes a stream other than by appending to it. */
export type StreamChangeKind =
  | { readonly kind: 'DELETE' }
  | { readonly kind: 'RESTORE' }
  | { readonly kind: 'TRUNCATE'; readonly beforeVersion: bigint }
  | { readonly kind: 'SET_RETENTION'; readonly retention: Retention }
  | { readonly kind: 'ERASE' }
  | { readonly kind: 'ERASE_EVENTS'; readonly versions: readonly Required<Range<bigint>>[] };

export const SYSTEM_EVENT_TYPE: Readonly<Record<StreamChangeKind['kind'], SystemEventType>> = {
  DELETE: '$stream-deleted',
  RESTORE: '$stream-restored',
  TRUNCATE: '$stream-truncated',
  SET_RETENTION: '$stream-retention-set',
  ERASE: '$stream-erased',
  ERASE_EVENTS: '$events-erased',
};

export const SYSTEM_EVENT_CONTENT_TYPE = 'application/json';

/** The data of the event that records the change: JSON whose numbers are strings, since they may be large. */
export function systemEventData(change: StreamChangeKind): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(dataOf(change)));
}

function dataOf(change: StreamChangeKind): unknown {
  switch (change.kind) {
    case 'DELETE':
    case 'RESTORE':
    case 'ERASE':
      return {};
    case 'TRUNCATE':
      return { before_version: String(change.beforeVersion) };
    case 'SET_RETENTION':
      return {
        ...(change.retention.maxAge === undefined
          ? {}
          : { max_age_microseconds: String(change.retention.maxAge) }),
        ...(change.retention.maxCount === undefined ? {} : { max_count: String(change.retention.maxCount) }),
      };
    case 'ERASE_EVENTS':
      return {
        versions: change.versions.map(({ first, last }) => ({ first: String(first), last: String(last) })),
      };
  }
}

/**
 * Which versions of its stream the event says are erased, so that whoever keeps copies can empty them, but for the store's
 * own events, which are never emptied; `undefined` for all other events. Throws for data that the store did not write.
 */
export function erasedVersions(event: Event): readonly Required<Range<bigint>>[] | undefined {
  if (event.eventType === '$stream-erased') return [{ first: 1n, last: event.version - 1n }];
  if (event.eventType !== '$events-erased' || event.erased) return undefined;
  const { versions } = JSON.parse(new TextDecoder().decode(event.data)) as {
    versions: readonly { first: string; last: string }[];
  };
  return versions.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
}

const NOTHING = new Uint8Array(0);

/** What stays of an event when it is erased. */
export function erasedEvent(event: Event): Event {
  return { ...event, data: NOTHING, contentType: '', metadata: {}, tags: [], erased: true };
}

/** As much of a stream's state as decides what a read of it shows. */
export interface StreamVisibility {
  /** Of its last event. */
  readonly version: bigint;
  /** Versions below were there before the stream was created anew; 1 if it never was. */
  readonly hiddenBefore: bigint;
  /** Versions below were truncated, or have expired and been emptied; 1 if none were. */
  readonly truncatedBefore: bigint;
  readonly retention: Retention;
  /** The versions of the store's own events in it, ascending. */
  readonly systemVersions: readonly bigint[];
}

/**
 * The lowest version that is kept, by truncation and `maxCount`; `maxAge`, which goes by the events' times, is not looked
 * at. `functions/first_kept.sql` says the same.
 */
export function firstKeptVersion(stream: StreamVisibility): bigint {
  const { version, truncatedBefore, retention, systemVersions } = stream;
  if (retention.maxCount === undefined) return truncatedBefore;
  let first = version - retention.maxCount + 1n;
  for (const system of [...systemVersions].reverse()) {
    if (system < first) break;
    first -= 1n;
  }
  return first > truncatedBefore ? first : truncatedBefore;
}

/** How many of the store's own events a stream remembers the versions of; older ones count as ordinary ones. */
export const SYSTEM_VERSIONS_KEPT = 1000;

/** The oldest time that an age keeps. */
export function oldestKept(now: Microseconds, maxAge: Microseconds): Microseconds {
  return now - maxAge;
}
