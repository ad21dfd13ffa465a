import { randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { compareSchemas } from '../../../src/projections/read-model-compare.js';
import { newPool } from './read-model-database.js';

const live = `compared_${randomBytes(6).toString('hex')}`;
const built = `${live}__g2`;
let pool: Pool;
let client: PoolClient;
beforeAll(async () => {
  pool = newPool(inject('connection'));
  client = await pool.connect();
  for (const schema of [live, built]) {
    await client.query(`CREATE SCHEMA "${schema}"`);
    await client.query(`CREATE TABLE "${schema}".same (a int, "b c" text)`);
  }
  await client.query(`INSERT INTO "${live}".same VALUES (1, 'x'), (2, NULL), (2, NULL)`);
  await client.query(`INSERT INTO "${built}".same VALUES (2, NULL), (1, 'x'), (2, NULL)`);
});
afterAll(async () => {
  for (const schema of [live, built]) await client.query(`DROP SCHEMA "${schema}" CASCADE`);
  client.release();
  await pool.end();
});

it('rows in another order are the same', async () => {
  expect(await compareSchemas(client, live, built)).toBe('');
});

it('tables, columns and rows that only one side has are told, a few of each', async () => {
  await client.query(`CREATE TABLE "${live}".gone (a int)`);
  await client.query(`CREATE TABLE "${built}".new (a int)`);
  await client.query(`CREATE TABLE "${live}".changed (a int, b int)`);
  await client.query(`CREATE TABLE "${built}".changed (a int, c int)`);
  await client.query(`INSERT INTO "${live}".same SELECT n, 'only here' FROM generate_series(11, 20) n`);
  await client.query(`DELETE FROM "${built}".same WHERE a = 1`);
  await client.query(`INSERT INTO "${built}".same VALUES (2, NULL)`);
  const lines = (await compareSchemas(client, live, built)).split('\n');
  expect(lines.slice(0, 4)).toEqual([
    'changed: columns -b, +c',
    'gone: is gone',
    'new: is new',
    'same: 13 rows, 3 in the new one',
  ]);
  expect(lines.filter((line) => line.startsWith('  - '))).toHaveLength(3);
  // A row is there once more than in the other: how often counts, too.
  expect(lines.filter((line) => line.startsWith('  + '))).toEqual(['  + (2,)']);
});

it('what is told has an end', async () => {
  for (let table = 0; table < 90; table++)
    await client.query(`CREATE TABLE "${built}"."${'t'.repeat(50)}${table}" (${'a'.repeat(60)} int)`);
  await client.query(`INSERT INTO "${live}".same VALUES (99, repeat('€', 5000))`);
  const told = await compareSchemas(client, live, built);
  expect(Buffer.byteLength(told)).toBeLessThan(4_096);
  expect(told).toMatch(/… and \d+ more lines$/);
});
