import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

export const EXAMPLES = path.resolve(import.meta.dirname, '../../examples/sql');

/** A database of its own in the run's Postgres, with a log in the schema `headwater` and the table of the examples. */
export interface ExampleDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

export async function openExampleDatabase(): Promise<ExampleDatabase> {
  const name = newSchemaName();
  const server = openDatabase();
  await server.query('append', `CREATE DATABASE ${name}`, []);
  const url = new URL(urlOf(inject('connection')));
  url.pathname = `/${name}`;
  const database = new Database({ connection: { connectionString: url.toString() } });
  await migrate(database, 'headwater');
  await database.query('append', readFileSync(path.join(EXAMPLES, 'transfers.sql'), 'utf8'), []);
  await database.close();
  return {
    url: url.toString(),
    drop: async () => {
      await server.query('append', `DROP DATABASE ${name} WITH (FORCE)`, []);
      await server.close();
    },
  };
}
