import type { LogHead } from '../core/log.js';
import type { StreamId } from '../core/stream.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';

/** The head of the log as it is committed now. */
export async function logHead(database: Database, schema: string, signal?: AbortSignal): Promise<LogHead> {
  const [row] = await database.query(
    'read',
    `SELECT position, epoch FROM ${quotedSchema(schema)}.log_head`,
    [],
    { signal },
  );
  return { position: BigInt(row?.[0] ?? 0), epoch: BigInt(row?.[1] ?? 0) };
}

/** The head, and in the same snapshot whether the stream has ever had an event. */
export async function logHeadAndStream(
  database: Database,
  schema: string,
  stream: StreamId,
  signal?: AbortSignal,
): Promise<LogHead & { readonly streamExists: boolean }> {
  const quoted = quotedSchema(schema);
  const [row] = await database.query(
    'read',
    `SELECT position, epoch, EXISTS (SELECT FROM ${quoted}.streams WHERE aggregate_type = $1 AND aggregate_id = $2)
       FROM ${quoted}.log_head`,
    [stream.aggregateType, stream.aggregateId],
    { signal },
  );
  return { position: BigInt(row?.[0] ?? 0), epoch: BigInt(row?.[1] ?? 0), streamExists: row?.[2] === 't' };
}
