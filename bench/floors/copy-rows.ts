import type { FloorRow } from './floor-rows.js';

// Rows of the events table in the format of COPY … (FORMAT binary):
// https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS

/** In the table's order. */
export const COLUMNS =
  'position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type, metadata, tags, ' +
  'schema_version, recorded_at, hash, ends_append';
const COLUMN_COUNT = 14;

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = Buffer.from([0xff, 0xff]);
/** Of a text[] without elements: dimensions, flags, the type of the elements. */
const NO_TAGS = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]);
/** Microseconds from 1970 to 2000, where Postgres counts from. */
const EPOCH = 946_684_800_000_000n;

export function encodeCopy(rows: readonly FloorRow[]): Buffer {
  const recordedAt = int8(BigInt(Date.now()) * 1000n - EPOCH);
  const parts: Uint8Array[] = [SIGNATURE];
  for (const { position, stream, version, eventId, payload } of rows) {
    const fields = [
      int8(BigInt(position)),
      Buffer.from(stream.aggregateType),
      Buffer.from(stream.aggregateId),
      int8(BigInt(version)),
      Buffer.from(eventId.replaceAll('-', ''), 'hex'),
      Buffer.from(payload.eventType),
      payload.data,
      Buffer.from(payload.contentType),
      Buffer.from(`\x01${JSON.stringify(payload.metadata)}`),
      NO_TAGS,
      int4(1),
      recordedAt,
      payload.hash,
      Buffer.from([1]),
    ];
    parts.push(int2(COLUMN_COUNT));
    for (const field of fields) parts.push(int4(field.byteLength), field);
  }
  parts.push(TRAILER);
  return Buffer.concat(parts);
}

function int2(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int4(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function int8(value: bigint): Buffer {
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}
