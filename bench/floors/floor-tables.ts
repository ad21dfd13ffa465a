import type { Postgres } from '../postgres.js';

/** Makes the tables of events and commands once more, with all their columns, constraints and indexes; nothing else is written there. */
export async function makeFloorTables(
  postgres: Postgres,
  schema: string,
  floorSchema: string,
): Promise<void> {
  const client = await postgres.connect();
  await client.query(`CREATE SCHEMA "${floorSchema}"`);
  for (const table of ['events', 'commands'])
    await client.query(`CREATE TABLE "${floorSchema}".${table} (LIKE "${schema}".${table} INCLUDING ALL)`);
  await client.end();
}
