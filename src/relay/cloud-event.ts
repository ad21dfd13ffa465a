import type { Event, Microseconds } from '../core/event.js';
import { jsonMember } from './json-member.js';
import { UndecodableMessageError } from './relay-error.js';

/** Structured mode of CloudEvents 1.0 in JSON. */
export const CLOUD_EVENT_TYPE = 'application/cloudevents+json; charset=UTF-8';

export interface CloudEventContext {
  /** A URI reference: which log. Together with the event's id it is unique. */
  readonly source: string;
  /** Of the log when the event was read. */
  readonly epoch: bigint | undefined;
}

/** What a CloudEvent of ours must have; the rest has a meaning when it is left out. */
const REQUIRED = ['id', 'type', 'time', 'stream', 'position', 'version'];

/**
 * The event as CloudEvents 1.0 in JSON. Extension names may have small letters and digits only, and integers 32 bits, so
 * position, version and epoch are text, as are metadata and tags, which are JSON in a string: a map is no type there.
 * Payloads that are JSON stand in `data` byte for byte, all others in `data_base64`.
 */
export function toCloudEvent(event: Event, { source, epoch }: CloudEventContext): Uint8Array {
  const attributes = {
    specversion: '1.0',
    id: event.eventId,
    source,
    type: event.eventType,
    subject: event.stream.aggregateId,
    time: toTime(event.recordedAt),
    ...(event.contentType === '' ? {} : { datacontenttype: event.contentType }),
    stream: toStreamName(event),
    position: String(event.position),
    version: String(event.version),
    ...(epoch === undefined ? {} : { epoch: String(epoch) }),
    schemaversion: event.schemaVersion,
    ...(Object.keys(event.metadata).length === 0 ? {} : { metadata: plainJson(event.metadata) }),
    ...(event.tags.length === 0 ? {} : { tags: plainJson(event.tags) }),
    ...(event.erased ? { erased: true } : {}),
  };
  const head = JSON.stringify(attributes).slice(0, -1);
  if (event.data.byteLength === 0 && event.contentType === '') return new TextEncoder().encode(`${head}}`);
  const json = isJson(event.contentType) ? jsonText(event.data) : undefined;
  if (json !== undefined) return new TextEncoder().encode(`${head},"data":${json}}`);
  return new TextEncoder().encode(`${head},"data_base64":"${Buffer.from(event.data).toString('base64')}"}`);
}

/** The event that {@link toCloudEvent} was given, with the very bytes of its data. Throws `UndecodableMessageError`. */
export function fromCloudEvent(bytes: Uint8Array): Event {
  const text = utf8(bytes);
  const fields = parsedObject(text);
  if (text === undefined || fields === undefined) throw new UndecodableMessageError('it is no JSON object');
  if (fields['specversion'] !== '1.0')
    throw new UndecodableMessageError(
      `its specversion is ${JSON.stringify(fields['specversion'])}, it must be "1.0"`,
    );
  for (const name of REQUIRED)
    if (typeof fields[name] !== 'string') throw new UndecodableMessageError(`it has no ${name}`);
  const read = (name: string) => fields[name] as string;
  const slash = read('stream').indexOf('/');
  if (slash < 1)
    throw new UndecodableMessageError(`its stream ${JSON.stringify(read('stream'))} has no type`);
  const schemaVersion = fields['schemaversion'] ?? 1;
  if (typeof schemaVersion !== 'number' || !Number.isInteger(schemaVersion))
    throw new UndecodableMessageError('its schemaversion is no whole number');
  const erased = fields['erased'] === true;
  return {
    eventId: read('id'),
    stream: {
      aggregateType: unescaped(read('stream').slice(0, slash)),
      aggregateId: read('stream').slice(slash + 1),
    },
    version: wholeNumber('version', read('version')),
    position: wholeNumber('position', read('position')),
    eventType: read('type'),
    data: dataOf(text, fields),
    contentType: contentTypeOf(fields),
    metadata: stringMap(fields['metadata']),
    tags: stringList(fields['tags']),
    schemaVersion,
    recordedAt: fromTime(read('time')),
    ...(erased ? { erased: true } : {}),
  };
}

/** `Account/42`; a slash in the type is `%2F`, so that the first one ends it. */
function toStreamName({ stream }: Event): string {
  return `${stream.aggregateType.replaceAll('%', '%25').replaceAll('/', '%2F')}/${stream.aggregateId}`;
}

function unescaped(type: string): string {
  return type.replaceAll('%2F', '/').replaceAll('%25', '%');
}

/** JSON that a string attribute may hold: there control characters, also those above 126, are not allowed. */
function plainJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isJson(contentType: string): boolean {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json');
}

/** `undefined` if it is no JSON, whatever it is called. */
function jsonText(data: Uint8Array): string | undefined {
  const text = utf8(data);
  if (text === undefined) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    // A mark in front is kept, or the bytes would not be the same.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parsedObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function dataOf(text: string, fields: Record<string, unknown>): Uint8Array {
  const base64 = fields['data_base64'];
  if (typeof base64 === 'string') return new Uint8Array(Buffer.from(base64, 'base64'));
  const { data } = fields;
  // By the specification, text that is no JSON stands there as a string.
  if (typeof data === 'string' && !isJson(contentTypeOf(fields))) return new TextEncoder().encode(data);
  return new TextEncoder().encode(jsonMember(text, 'data') ?? '');
}

function contentTypeOf(fields: Record<string, unknown>): string {
  if (typeof fields['datacontenttype'] === 'string') return fields['datacontenttype'];
  return 'data' in fields ? 'application/json' : '';
}

function wholeNumber(name: string, text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new UndecodableMessageError(`its ${name} ${text} is no whole number`);
  return BigInt(text);
}

function stringMap(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const map = typeof value === 'string' ? parsedObject(value) : undefined;
  if (map === undefined || !Object.values(map).every((one) => typeof one === 'string'))
    throw new UndecodableMessageError('its metadata is no JSON object of strings');
  return map as Record<string, string>;
}

function stringList(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const list = typeof value === 'string' ? parsedObject(`{"list":${value}}`)?.['list'] : undefined;
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string'))
    throw new UndecodableMessageError('its tags are no JSON list of strings');
  return list;
}

/** As `2026-01-31T09:30:00.123456Z`. */
function toTime(time: Microseconds): string {
  const micros = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((time - micros) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros).padStart(6, '0')}Z`;
}

function fromTime(text: string): Microseconds {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const seconds = Date.parse(text.replace(/\.\d+/, ''));
  if (Number.isNaN(seconds)) throw new UndecodableMessageError(`its time ${text} is none`);
  return BigInt(seconds) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}
