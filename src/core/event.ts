import type { StreamId } from './stream.js';

/** A moment in microseconds since 1970-01-01 UTC: what Postgres keeps, and more than a `Date` can. */
export type Microseconds = bigint;

/** An event to be appended. */
export interface NewEvent {
  /**
   * A UUID, best of version 7, unique in its log for ever.
   * @default the store makes one; such an append must not be retried blindly
   */
  readonly eventId?: string;
  /** What happened; 1 to 255 bytes of UTF-8, no control characters, no `$` in front. */
  readonly eventType: string;
  /** The payload, kept byte for byte. */
  readonly data: Uint8Array;
  /**
   * The media type of `data`.
   * @default "application/octet-stream"
   */
  readonly contentType?: string;
  /**
   * Facts about the event; values are text, numbers and booleans written as such.
   * @default {}
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * `key:value` marks for queries that cross streams.
   * @default []
   */
  readonly tags?: readonly string[];
  /**
   * The version of the payload's shape.
   * @default 1
   */
  readonly schemaVersion?: number;
}

/** An event as it stands in the log; it never changes, but for being erased. */
export interface Event {
  readonly eventId: string;
  readonly stream: StreamId;
  /** Its place in the stream; the first is 1, without gaps. */
  readonly version: bigint;
  /** Its place in the whole log; the first is 1, in commit order. Compare it, never compute with it. */
  readonly position: bigint;
  readonly eventType: string;
  /**
   * The payload. Its `buffer` may be shared with events that came with it, as that of a `Buffer` may: up to 8 KiB of it stay in
   * memory with the event.
   */
  readonly data: Uint8Array;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly schemaVersion: number;
  /** By the database's clock; never runs backwards along positions. */
  readonly recordedAt: Microseconds;
  /** Set if the event was erased: data, content type, metadata and tags are empty, the rest is as it was. */
  readonly erased?: true;
}

export const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/** The size that counts against byte budgets: data, metadata, names and tags. */
export function eventBytes(event: NewEvent | Event): number {
  let bytes = event.data.byteLength + event.eventType.length + 64;
  const { metadata } = event;
  if (metadata !== undefined)
    for (const key of Object.keys(metadata)) bytes += key.length + (metadata[key]?.length ?? 0);
  for (const tag of event.tags ?? []) bytes += tag.length;
  return bytes;
}

/** Of several, each as {@link eventBytes}. */
export function eventsBytes(events: readonly Event[]): number {
  return events.reduce((bytes, event) => bytes + eventBytes(event), 0);
}
