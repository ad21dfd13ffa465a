import type { LogHead } from '../core/log.js';
import type { Queries } from './database.js';
import { quotedSchema } from './schema.js';

/** The head of the log as it is committed now. */
export async function logHead(database: Queries, schema: string, signal?: AbortSignal): Promise<LogHead> {
  const [row] = await database.query(
    'read',
    `SELECT position, epoch FROM ${quotedSchema(schema)}.log_head ORDER BY position DESC LIMIT 1`,
    [],
    { signal, prepared: 'head' },
  );
  return { position: BigInt(row?.[0] ?? 0), epoch: BigInt(row?.[1] ?? 0) };
}
