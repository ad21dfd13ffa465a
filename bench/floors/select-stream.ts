import type pg from 'pg';
import type { StreamId } from '../../src/core/stream.js';

/** Reads a stream as a program without us would: one prepared SELECT of what Load answers with; answers 1. */
export async function selectStream(client: pg.Client, schema: string, stream: StreamId): Promise<number> {
  const { rowCount } = await client.query({
    name: `select_stream_${schema}`,
    text: `SELECT position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type, metadata, tags,
                  schema_version, recorded_at
             FROM "${schema}".events WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY version`,
    values: [stream.aggregateType, stream.aggregateId],
    rowMode: 'array',
  });
  if (!rowCount) throw new Error('A stream was not found');
  return 1;
}
