import type { Microseconds } from '../core/event.js';
import type { StreamInfo } from '../core/stream.js';
import type { Row } from './database.js';
import { quotedSchema } from './schema.js';

/** The lowest version that a row `s` of the table of streams keeps now. Few streams need the function. */
export function firstKept(schema: string): string {
  return `CASE WHEN s.max_count IS NULL AND s.max_age IS NULL THEN s.truncated_before
               ELSE ${quotedSchema(schema)}.first_kept(s.aggregate_type, s.aggregate_id, s.version, s.truncated_before,
                      s.max_count, s.max_age, s.system_versions, statement_timestamp()) END`;
}

/** The columns of a row `s` as text, in the order in which {@link streamFromRow} reads them. */
export function streamColumns(schema: string): string {
  return `s.aggregate_type, s.aggregate_id, s.version, greatest(s.hidden_before, ${firstKept(schema)}),
          ${microseconds('s.created_at')}, ${microseconds('s.updated_at')}, ${microseconds('s.deleted_at')},
          s.max_age, s.max_count, greatest(0, s.erase_before - s.erase_from)`;
}

/** A time as text of microseconds since 1970. */
export function microseconds(column: string): string {
  return `(date_part('epoch', ${column}) * 1000000)::bigint`;
}

export function streamFromRow(row: Row): StreamInfo {
  const [
    aggregateType,
    aggregateId,
    version,
    firstVersion,
    createdAt,
    updatedAt,
    deletedAt,
    age,
    count,
    erasing,
  ] = row;
  return {
    stream: { aggregateType: aggregateType ?? '', aggregateId: aggregateId ?? '' },
    version: BigInt(version ?? 0),
    firstVersion: BigInt(firstVersion ?? 0),
    createdAt: BigInt(createdAt ?? 0),
    updatedAt: BigInt(updatedAt ?? 0),
    deletedAt: optional(deletedAt),
    retention: {
      ...(typeof age === 'string' ? { maxAge: BigInt(age) } : {}),
      ...(typeof count === 'string' ? { maxCount: BigInt(count) } : {}),
    },
    erasing: BigInt(erasing ?? 0),
  };
}

/** A time or number that may be null. */
export function optional(text: string | null | undefined): Microseconds | undefined {
  return text === null || text === undefined ? undefined : BigInt(text);
}
