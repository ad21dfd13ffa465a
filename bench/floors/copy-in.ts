import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import type { StreamWalk } from '../workload.js';
import { COLUMNS, encodeCopy } from './copy-rows.js';
import { COMMAND_COLUMNS } from './copy-writer.js';
import { type FloorRow, nextRow } from './floor-rows.js';

/** One client that writes a row of each walk by binary COPY, and commits; answers how many rows. */
export async function copyIn(
  client: pg.Client,
  floorSchema: string,
  walks: readonly StreamWalk[],
): Promise<number> {
  return copyRows(client, floorSchema, walks.map(nextRow));
}

/** Writes the rows by binary COPY; answers how many. */
export function copyRows(client: pg.Client, floorSchema: string, rows: readonly FloorRow[]): Promise<number> {
  return copyBytes(client, floorSchema, encodeCopy(rows));
}

/** The same of rows that are encoded. */
export function copyBytes(client: pg.Client, floorSchema: string, rows: Buffer): Promise<number> {
  return copyTo(client, `"${floorSchema}".events (${COLUMNS})`, rows);
}

/** Rows of the commands table, which are encoded. */
export function copyCommands(client: pg.Client, floorSchema: string, rows: Buffer): Promise<number> {
  return copyTo(client, `"${floorSchema}".commands (${COMMAND_COLUMNS})`, rows);
}

async function copyTo(client: pg.Client, table: string, rows: Buffer): Promise<number> {
  const stream = client.query(from(`COPY ${table} FROM STDIN (FORMAT binary)`));
  stream.end(rows);
  await finished(stream);
  return stream.rowCount;
}
