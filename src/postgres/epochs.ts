import type { Epoch, LogHead } from '../core/log.js';
import type { Database, Queries } from './database.js';
import { quotedSchema } from './schema.js';

/** All epochs of the log, oldest first. */
export async function epochs(
  database: Queries,
  schema: string,
  signal?: AbortSignal,
): Promise<readonly Epoch[]> {
  const rows = await database.query(
    'read',
    `SELECT epoch, started_after_position FROM ${quotedSchema(schema)}.epochs ORDER BY epoch`,
    [],
    { signal },
  );
  return rows.map(([epoch, startedAfter]) => ({
    epoch: BigInt(epoch ?? 0),
    startedAfterPosition: BigInt(startedAfter ?? 0),
  }));
}

/** To be called on each new start: opens a new epoch if the server has changed. */
export async function openLog(database: Database, schema: string): Promise<LogHead> {
  const [row] = await database.query(
    'append',
    `SELECT head_position, head_epoch FROM ${quotedSchema(schema)}.open_log()`,
    [],
  );
  return { position: BigInt(row?.[0] ?? 0), epoch: BigInt(row?.[1] ?? 0) };
}
