import { afterAll, beforeAll, expect, it } from 'vitest';
import { transfers } from '../../examples/sql/transfer.js';
import { type ExampleDatabase, openExampleDatabase } from './sql-database.js';

let database: ExampleDatabase;
beforeAll(async () => {
  database = await openExampleDatabase();
});
afterAll(() => database.drop());

it('the TypeScript example: rows and events commit together, and a COMMIT that fails leaves neither', async () => {
  const lines: string[] = [];
  await transfers(database.url, (line) => lines.push(line));
  expect(lines).toEqual([
    'ada has 90',
    'ZH001 WRONG_EXPECTED_VERSION expected 2 actual 3',
    'ada has 10',
    'transfers 2',
  ]);
});
