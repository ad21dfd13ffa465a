import type { LogInfo } from '../core/stream-list.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';
import { microseconds, optional } from './stream-row.js';

/** The log as a whole, in one snapshot. */
export async function getLog(database: Database, schema: string, signal?: AbortSignal): Promise<LogInfo> {
  const quoted = quotedSchema(schema);
  const [row] = await database.query(
    'read',
    `SELECT h.position, h.epoch,
            (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
              WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r'),
            (SELECT ${microseconds('e.recorded_at')} FROM ${quoted}.events e WHERE e.position = 1),
            (SELECT ${microseconds('e.recorded_at')} FROM ${quoted}.events e WHERE e.position = h.position),
            (SELECT json_agg(json_build_array(l.epoch::text, l.started_after_position::text) ORDER BY l.epoch)
               FROM (SELECT p.epoch, p.started_after_position FROM ${quoted}.epochs p
                      ORDER BY p.epoch DESC LIMIT 100) l)
       FROM (SELECT * FROM ${quoted}.log_head ORDER BY position DESC LIMIT 1) h`,
    [quoted],
    { signal },
  );
  const [position, epoch, bytes, oldest, newest, epochs] = row ?? [];
  return {
    position: BigInt(position ?? 0),
    epoch: BigInt(epoch ?? 0),
    bytes: BigInt(bytes ?? 0),
    oldest: optional(oldest),
    newest: optional(newest),
    epochs: (JSON.parse(epochs ?? '[]') as readonly [string, string][]).map(([known, startedAfter]) => ({
      epoch: BigInt(known),
      startedAfterPosition: BigInt(startedAfter),
    })),
  };
}
