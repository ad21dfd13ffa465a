import { StreamNotFoundError } from '../core/errors.js';
import type { StreamId, StreamInfo } from '../core/stream.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';
import { streamColumns, streamFromRow } from './stream-row.js';

/** What is known about the stream. Throws `StreamNotFoundError`. */
export async function getStream(
  database: Database,
  schema: string,
  stream: StreamId,
  signal?: AbortSignal,
): Promise<StreamInfo> {
  const [row] = await database.query(
    'read',
    `SELECT ${streamColumns(schema)} FROM ${quotedSchema(schema)}.streams s
      WHERE s.aggregate_type = $1 AND s.aggregate_id = $2`,
    [stream.aggregateType, stream.aggregateId],
    { signal },
  );
  if (row === undefined) throw new StreamNotFoundError(stream);
  return streamFromRow(row);
}
