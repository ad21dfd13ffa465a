import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXAMPLES, type ExampleDatabase, openExampleDatabase } from './sql-database.js';

let database: ExampleDatabase;
beforeAll(async () => {
  database = await openExampleDatabase();
});
afterAll(() => database.drop());

it('the psql example: rows and events commit together, and a COMMIT that fails leaves neither', () => {
  const url = new URL(database.url);
  const { PGOPTIONS: _, ...env } = process.env;
  const output = execFileSync('psql', ['-X', '-f', path.join(EXAMPLES, 'transfer.sql')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      PGHOST: url.searchParams.get('host') ?? url.hostname,
      PGPORT: url.port,
      PGUSER: url.username,
      PGPASSWORD: url.password,
      PGDATABASE: url.pathname.slice(1),
    },
  });
  expect(output.trim().split('\n')).toEqual([
    'ada is at version 1',
    'bob is at version 1',
    'Withdrawn is pending: true',
    'Withdrawn is pending: false',
    'ada would be at version 2',
    'COMMIT failed with ZH001',
    'transfers: 1',
    'ada is at version 2',
  ]);
});
