import type pg from 'pg';
import type { StreamWalk } from '../workload.js';
import { COLUMNS } from './copy-rows.js';
import { type FloorRow, nextRow } from './floor-rows.js';

/** One INSERT in a transaction of its own, of the next event of the walk; answers 1. */
export function insertRow(client: pg.Client, floorSchema: string, walk: StreamWalk): Promise<number> {
  return insertOne(client, floorSchema, nextRow(walk));
}

/** The same of a row that is there. It is prepared once a connection. */
export async function insertOne(client: pg.Client, floorSchema: string, row: FloorRow): Promise<number> {
  const { position, stream, version, eventId, payload } = row;
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
