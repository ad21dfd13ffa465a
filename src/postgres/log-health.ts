import type { Database } from './database.js';
import { quotedSchema } from './schema.js';

/** How the log is, as seen from the database. */
export interface LogHealth {
  /**
   * How far the newest event's time is ahead of the database's clock; 0 is well. Since times never run backwards along
   * positions, events get that time until the clock has caught up.
   */
  readonly headAheadSeconds: number;
}

/**
 * Rejects when the database cannot be used for appends. Takes the connection beside that of the appends, so that many
 * readers do not make the service look ill.
 */
export async function logHealth(
  database: Database,
  schema: string,
  signal?: AbortSignal,
): Promise<LogHealth> {
  const [row] = await database.query(
    'append',
    `SELECT greatest(0, extract(epoch FROM recorded_at - clock_timestamp())), pg_is_in_recovery()
       FROM ${quotedSchema(schema)}.log_head`,
    [],
    { signal },
  );
  const [ahead, recovering] = row ?? [];
  if (recovering !== 'f') throw new Error('The database is a standby now, which cannot be written to');
  return { headAheadSeconds: Number(ahead) };
}
