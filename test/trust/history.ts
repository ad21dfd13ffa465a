import { hash } from 'node:crypto';
import type { AppendRequest } from '../../src/core/append.js';
import type { Event, NewEvent } from '../../src/core/event.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import { type StreamId, streamKey } from '../../src/core/stream.js';

// What was asked, what was answered and what was seen: all that the checker knows. Times are of one monotonic clock, in
// milliseconds; positions and versions are plain numbers, since no run comes near 2^53.

/** A request as it was made; sent once or many times. */
export interface RecordedRequest {
  readonly streams: readonly RecordedStreamAppend[];
  /** Same ids, streams, order, types and data: by this a repeat is the same append. `''` if it writes nothing. */
  readonly signature: string;
  readonly request: AppendRequest;
}

export interface RecordedStreamAppend {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly { readonly eventId: string; readonly digest: string }[];
}

/** One call of append. */
export interface AppendOperation {
  readonly number: number;
  /** Which client sent it, for messages. */
  readonly client: string;
  readonly sent: RecordedRequest;
  readonly invoked: number;
  /** Infinity if it never returned. */
  returned: number;
  result: AppendResult;
}

export type AppendResult =
  | {
      readonly kind: 'APPENDED';
      readonly first: number;
      readonly last: number;
      readonly versions: readonly (readonly [stream: string, version: number])[];
      readonly eventIds: readonly string[];
      readonly recordedAt: number;
      readonly epoch: number;
      readonly deduplicated: boolean;
    }
  | {
      readonly kind: 'REFUSED';
      readonly conflicts: readonly {
        readonly stream: string;
        readonly expected: ExpectedVersion;
        readonly actual: number;
      }[];
    }
  | { readonly kind: 'REUSED'; readonly eventId: string; readonly position: number }
  | { readonly kind: 'NOT_APPLIED' | 'UNKNOWN'; readonly reason: string };

/** A read of a stream's version. */
export interface ReadOperation {
  readonly stream: string;
  readonly version: number;
  readonly invoked: number;
  readonly returned: number;
}

/** All that one follower was given, over all its restarts. */
export interface Feed {
  readonly name: string;
  /** Whether an event is meant for it. */
  readonly matches: (event: LoggedEvent) => boolean;
  /** Where it began; `undefined` until its first message says so. */
  start: number | undefined;
  readonly positions: number[];
  readonly versions: number[];
  readonly digests: string[];
  /** The scanned ranges, flat: after, to, after, to … */
  readonly ranges: number[];
  readonly epochs: Set<number>;
  restarts: number;
  /** Failures that a follower must not meet. */
  readonly failures: string[];
}

/** An event of the final log. */
export interface LoggedEvent {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly tags: readonly string[];
  readonly digest: string;
  readonly recordedAt: number;
  /** Last of its append; `undefined` where a reader cannot see that. */
  readonly endsAppend: boolean | undefined;
}

/** The history of one run. */
export interface History {
  readonly operations: AppendOperation[];
  readonly reads: ReadOperation[];
  readonly feeds: Feed[];
}

/** The final log, read in two ways. */
export interface FinalLog {
  readonly bySql: readonly LoggedEvent[];
  readonly byLoad: readonly LoggedEvent[];
  /** The head as the store keeps it. */
  readonly head: number;
}

/** By this, bytes in are bytes out: everything that the client said about the event. */
export function digestOf(stream: string, event: NewEvent): string {
  const metadata = Object.entries(event.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const words = JSON.stringify([
    stream,
    event.eventId,
    event.eventType,
    event.contentType,
    event.schemaVersion ?? 1,
    event.tags ?? [],
    metadata,
  ]);
  const { buffer, byteOffset, byteLength } = event.data;
  return hash('sha256', words + Buffer.from(buffer, byteOffset, byteLength).toString('latin1'), 'base64');
}

export function recordedRequest(request: AppendRequest): RecordedRequest {
  const streams = request.streams.map(({ stream, expectedVersion, events }) => {
    const key = streamKey(stream);
    return {
      stream: key,
      expected: expectedVersion,
      events: events.map((event) => ({ eventId: event.eventId ?? '', digest: digestOf(key, event) })),
    };
  });
  return { streams, signature: signatureOf(streams.flatMap(({ events }) => events)), request };
}

/** Of the events of an append, in order. */
export function signatureOf(events: readonly { readonly digest: string }[]): string {
  return events.map(({ digest }) => digest).join(' ');
}

export function loggedEvent(event: Event, endsAppend?: boolean): LoggedEvent {
  const stream = streamKey(event.stream);
  return {
    position: Number(event.position),
    stream,
    version: Number(event.version),
    eventId: event.eventId,
    eventType: event.eventType,
    tags: event.tags,
    digest: digestOf(stream, event),
    recordedAt: Number(event.recordedAt),
    endsAppend,
  };
}

export function streamOf(key: string): StreamId {
  const [aggregateType = '', aggregateId = ''] = key.split('\n');
  return { aggregateType, aggregateId };
}
