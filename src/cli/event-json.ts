import type { Event, NewEvent } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { StreamId } from '../core/stream.js';
import { UsageError } from './exit-codes.js';
import { isoTime } from './time.js';

const JSON_TYPE = /^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i;

/** An event as JSON: what `load` and `tail` print, and what `append` takes. Numbers that may be large are strings. */
export function eventToJson(event: Event): Record<string, unknown> {
  return {
    position: String(event.position),
    stream: { aggregate_type: event.stream.aggregateType, aggregate_id: event.stream.aggregateId },
    version: String(event.version),
    event_id: event.eventId,
    event_type: event.eventType,
    ...(event.erased
      ? { erased: true }
      : { ...dataToJson(event.data, event.contentType), content_type: event.contentType }),
    metadata: event.metadata,
    tags: event.tags,
    schema_version: event.schemaVersion,
    recorded_at: isoTime(event.recordedAt),
  };
}

/** `data` where the payload is JSON, else `data_base64`. */
export function dataToJson(
  data: Uint8Array,
  contentType: string,
): { data: unknown } | { data_base64: string } {
  if (JSON_TYPE.test(contentType))
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
      const value: unknown = JSON.parse(text);
      // Only if it comes back as it was: a number too large for JavaScript, say, must not be printed as another.
      if (JSON.stringify(value) === text) return { data: value };
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    }
  return { data_base64: Buffer.from(data).toString('base64') };
}

/** A payload in one line for a table. */
export function dataPreview(event: Event): string {
  const { data, contentType, erased } = event;
  if (erased) return '(erased)';
  if (data.byteLength === 0) return '';
  if (!JSON_TYPE.test(contentType) && !contentType.startsWith('text/')) return `${data.byteLength} bytes`;
  return Buffer.from(data)
    .toString('utf8')
    .replaceAll(/\p{Cc}+/gu, ' ');
}

/** Throws `UsageError` that names the field. */
export function newEventFromJson(value: unknown): NewEvent {
  const fields = object(value, 'an event');
  const eventType = text(fields, 'event_type') ?? text(fields, 'type');
  if (eventType === undefined) throw new UsageError('event_type is missing');
  const eventId = text(fields, 'event_id');
  const contentType = text(fields, 'content_type');
  const metadata = fields['metadata'];
  const tags = fields['tags'];
  const schemaVersion = fields['schema_version'];
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')))
    throw new UsageError('tags must be a list of strings');
  if (schemaVersion !== undefined && typeof schemaVersion !== 'number')
    throw new UsageError('schema_version must be a number');
  const base64 = text(fields, 'data_base64');
  const isJson = base64 === undefined && 'data' in fields;
  return {
    eventType,
    data:
      base64 === undefined ? Buffer.from(isJson ? JSON.stringify(fields['data']) : '') : fromBase64(base64),
    ...(eventId === undefined ? {} : { eventId }),
    ...(contentType !== undefined ? { contentType } : isJson ? { contentType: 'application/json' } : {}),
    ...(metadata === undefined ? {} : { metadata: stringMap(metadata) }),
    ...(tags === undefined ? {} : { tags }),
    ...(schemaVersion === undefined ? {} : { schemaVersion }),
  };
}

function fromBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw new UsageError('data_base64 is not base64');
  return Buffer.from(text, 'base64');
}

/** Values that are not text are written as JSON. */
function stringMap(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object(value, 'metadata')).map(([key, one]) => [
      key,
      typeof one === 'string' ? one : JSON.stringify(one),
    ]),
  );
}

/**
 * `Type/id`, or an object with `aggregate_type` and `aggregate_id`. In the text the first slash ends the type; one within
 * the type is written `%2F`, and a `%` in front of `2F` or `25` is written `%25`. The id stands as it is.
 */
export function streamFrom(value: unknown): StreamId {
  if (typeof value === 'string') {
    const slash = value.indexOf('/');
    if (slash < 1 || slash === value.length - 1)
      throw new UsageError(`${JSON.stringify(value)} names no stream: write AggregateType/aggregate-id`);
    const aggregateType = value.slice(0, slash).replaceAll(/%2F/gi, '/').replaceAll('%25', '%');
    return { aggregateType, aggregateId: value.slice(slash + 1) };
  }
  const fields = object(value, 'stream');
  const aggregateType = text(fields, 'aggregate_type');
  const aggregateId = text(fields, 'aggregate_id');
  if (aggregateType === undefined || aggregateId === undefined)
    throw new UsageError(
      'stream must be "AggregateType/aggregate-id" or have aggregate_type and aggregate_id',
    );
  return { aggregateType, aggregateId };
}

/** `any`, `no-stream`, `stream-exists` or a version. */
export function expectedVersionFrom(value: unknown): ExpectedVersion {
  const word = String(value).toUpperCase().replaceAll('-', '_');
  if (word === 'ANY' || word === 'NO_STREAM' || word === 'STREAM_EXISTS') return word;
  if (/^[1-9]\d*$/.test(word)) return BigInt(word);
  throw new UsageError(
    `Expected version ${JSON.stringify(value)} is none: write a version from 1, no-stream, stream-exists or any`,
  );
}

export function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`${what} must be a JSON object`);
  return value as Record<string, unknown>;
}

/** A misspelt key must not be taken for a missing one: it may have been the guard. Throws `UsageError`. */
export function onlyKeys(fields: Record<string, unknown>, allowed: readonly string[], what: string): void {
  for (const key of Object.keys(fields))
    if (!allowed.includes(key))
      throw new UsageError(`${what} has ${JSON.stringify(key)}; it may have ${allowed.join(', ')}`);
}

function text(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new UsageError(`${name} must be a string`);
  return value;
}
