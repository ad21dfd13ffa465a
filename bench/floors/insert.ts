import type pg from 'pg';
import type { StreamWalk } from '../workload.js';
import { COLUMNS } from './copy-rows.js';
import { nextRow } from './floor-rows.js';

/** One INSERT in a transaction of its own, prepared once a connection; answers 1. */
export async function insertRow(client: pg.Client, floorSchema: string, walk: StreamWalk): Promise<number> {
  const { position, stream, version, eventId, payload } = nextRow(walk);
  const { rowCount } = await client.query({
    name: 'insert_event',
    text: `INSERT INTO "${floorSchema}".events (${COLUMNS})
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '{}', 1, clock_timestamp(), $10, true)`,
    values: [
      position,
      stream.aggregateType,
      stream.aggregateId,
      version,
      eventId,
      payload.eventType,
      payload.data,
      payload.contentType,
      JSON.stringify(payload.metadata),
      payload.hash,
    ],
  });
  return rowCount ?? 0;
}
