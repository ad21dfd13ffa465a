import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXAMPLES, type ExampleDatabase, openExampleDatabase } from './sql-database.js';

let database: ExampleDatabase;
beforeAll(async () => {
  database = await openExampleDatabase();
});
afterAll(() => database.drop());

// Debian's package belongs to Debian's Python, which need not be the first one there.
const pythons = ['python3', '/usr/bin/python3'];

it('the Python example: rows and events commit together, and a COMMIT that fails leaves neither', () => {
  const python = pythons.find((name) => spawnSync(name, ['-c', 'import psycopg']).status === 0);
  expect(python, 'a Python with psycopg 3 (Debian: python3-psycopg)').toBeDefined();
  const output = execFileSync(python ?? '', [path.join(EXAMPLES, 'transfer.py'), database.url], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(output.trim().split('\n')).toEqual([
    'ada has 90',
    'ZH001 WRONG_EXPECTED_VERSION expected 2 actual 3',
    'ada has 10',
    'transfers 2',
  ]);
});
