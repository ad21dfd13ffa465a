import type { Postgres } from '../postgres.js';

/** Makes the events table once more, with all its columns, constraints and indexes; nothing else is written there. */
export async function makeFloorTables(
  postgres: Postgres,
  schema: string,
  floorSchema: string,
): Promise<void> {
  const client = await postgres.connect();
  await client.query(`CREATE SCHEMA "${floorSchema}"`);
  await client.query(`CREATE TABLE "${floorSchema}".events (LIKE "${schema}".events INCLUDING ALL)`);
  await client.end();
}
