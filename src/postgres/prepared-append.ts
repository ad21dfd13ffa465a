import { hash } from 'node:crypto';
import type { AppendRequest } from '../core/append.js';
import { DEFAULT_CONTENT_TYPE, eventBytes } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { Limits } from '../core/limits.js';
import { receivedData } from '../core/received-data.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import { validateAppend } from '../core/validate-append.js';
import type { ConditionChecked } from './check-condition.js';

/** A request, checked and made ready for the database before it waits for its turn. */
export interface PreparedAppend {
  readonly request: AppendRequest;
  readonly entries: readonly PreparedEntry[];
  readonly eventIds: readonly string[];
  /** The event ids, and the command's id in a form of its own: what may stand in a group once. */
  readonly uniqueIds: readonly string[];
  readonly events: number;
  readonly bytes: number;
  /** Up to where the condition was found to hold, or to break just behind it; zeros if nobody looked. */
  readonly conditionChecked: ConditionChecked;
}

export interface PreparedEntry {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  readonly events: readonly PreparedEvent[];
}

/** An event's columns. */
export interface PreparedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Uint8Array;
  /** A character a byte: a Buffer for each would be four times as dear, and the collector's to look after. */
  readonly hash: string;
  readonly contentType: string;
  /** JSON. */
  readonly metadata: string;
  /** As a literal of Postgres' text[]. */
  readonly tags: string;
  readonly tagList: readonly string[];
  readonly schemaVersion: number;
}

/** Throws `InvalidRequestError`. Hashing is done here, so that it takes no time under the log's lock. */
export function prepareAppend(request: AppendRequest, limits: Limits, runtime: Runtime): PreparedAppend {
  validateAppend(request, limits);
  const eventIds: string[] = [];
  let bytes = 0;
  const entries = request.streams.map(({ stream, expectedVersion, events }) => ({
    stream,
    expected: expectedVersion,
    events: events.map((event): PreparedEvent => {
      const id = event.eventId?.toLowerCase() ?? runtime.newEventId();
      eventIds.push(id);
      bytes += eventBytes(event);
      return {
        id,
        type: event.eventType,
        data: event.data,
        hash: hash('sha256', receivedData(event), 'binary'),
        contentType: event.contentType ?? DEFAULT_CONTENT_TYPE,
        metadata: event.metadata === undefined ? '{}' : JSON.stringify(event.metadata),
        tags: arrayLiteral(event.tags ?? []),
        tagList: event.tags ?? [],
        schemaVersion: event.schemaVersion ?? 1,
      };
    }),
  }));
  const uniqueIds =
    request.command === undefined ? eventIds : [...eventIds, `command ${request.command.commandId}`];
  return {
    request,
    entries,
    eventIds,
    uniqueIds,
    events: eventIds.length,
    bytes,
    conditionChecked: { position: 0n, epoch: 0n },
  };
}

/** A literal of Postgres' text[]. */
export function arrayLiteral(values: readonly string[]): string {
  if (values.length === 0) return '{}';
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
