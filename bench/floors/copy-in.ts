import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import type { StreamWalk } from '../workload.js';
import { COLUMNS, encodeCopy } from './copy-rows.js';
import { nextRow } from './floor-rows.js';

/** One client that writes a row of each walk by binary COPY, and commits; answers how many rows. */
export async function copyIn(
  client: pg.Client,
  floorSchema: string,
  walks: readonly StreamWalk[],
): Promise<number> {
  const stream = client.query(from(`COPY "${floorSchema}".events (${COLUMNS}) FROM STDIN (FORMAT binary)`));
  stream.end(encodeCopy(walks.map(nextRow)));
  await finished(stream);
  return stream.rowCount;
}
