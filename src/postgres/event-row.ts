import type { Event } from '../core/event.js';
import type { Row } from './database.js';

/**
 * The columns of an event as text, in the order in which {@link eventFromRow} reads them: for events that come along with
 * something else; pages of events are read in binary, see `event-rows.ts`. Times and jsonb are put into
 * plain forms by the server, which is faster than what the driver would do with them; `fits` stands first. Of an event that
 * an erasure has yet to come to (`erasing`), only the shell is given.
 */
export const EVENT_COLUMNS = `
  fits, position, aggregate_type, aggregate_id, version, event_id, event_type,
  CASE WHEN fits AND NOT erasing THEN encode(data, 'hex') END, CASE WHEN NOT erasing THEN content_type END,
  CASE WHEN metadata <> '{}' AND NOT erasing THEN metadata::text END,
  CASE WHEN tags <> '{}' AND NOT erasing THEN array_to_json(tags)::text END,
  schema_version, (date_part('epoch', recorded_at) * 1000000)::bigint,
  CASE WHEN erasing THEN 'ERASED' ELSE removed END`;

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});
const NO_TAGS: readonly string[] = Object.freeze([]);

/** Whether the row lies within the page's byte budget; one that does not only says that there is more. */
export function fits(row: Row): boolean {
  return row[0] === 't';
}

export function eventFromRow(row: Row): Event {
  const [
    ,
    position,
    aggregateType,
    aggregateId,
    version,
    eventId,
    eventType,
    data,
    contentType,
    metadata,
    tags,
    schemaVersion,
    recordedAt,
    removed,
  ] = row;
  const event: Event = {
    eventId: eventId ?? '',
    stream: { aggregateType: aggregateType ?? '', aggregateId: aggregateId ?? '' },
    version: BigInt(version ?? 0),
    position: BigInt(position ?? 0),
    eventType: eventType ?? '',
    data: Buffer.from(data ?? '', 'hex'),
    contentType: contentType ?? '',
    metadata: metadata ? (JSON.parse(metadata) as Record<string, string>) : NO_METADATA,
    tags: tags ? (JSON.parse(tags) as string[]) : NO_TAGS,
    schemaVersion: Number(schemaVersion),
    recordedAt: BigInt(recordedAt ?? 0),
  };
  return removed === 'ERASED' ? { ...event, erased: true } : event;
}
