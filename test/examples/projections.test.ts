import { Pool } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { balances, runBalances } from '../../examples/projections/balances.js';
import { patient, runTotals } from '../../examples/projections/totals.js';
import { storedEvent } from '../core/events.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { shownButNotIn } from './shown.js';

const schema = newSchemaName();
let service: RunningService;
let pool: Pool;
beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
  pool = new Pool(inject('connection'));
});
afterAll(async () => {
  await service.kill('SIGTERM');
  await pool.query('DROP SCHEMA IF EXISTS accounts CASCADE');
  const checkpoints = 'headwater_projections.checkpoints';
  const { rows } = await pool.query('SELECT to_regclass($1) AS made', [checkpoints]);
  if ((rows as { made: unknown }[])[0]?.made)
    await pool.query(`DELETE FROM ${checkpoints} WHERE name = $1`, [balances.name]);
  await pool.end();
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

it('the totals example reads what it has just written', async () => {
  const lines: string[] = [];
  await runTotals(service.address, (line) => lines.push(line));
  expect(lines).toEqual(['was given 120']);
});

it('the balances example fills tables, and builds them anew beside those that are read', async () => {
  const lines: string[] = [];
  await runBalances(service.address, pool, (line) => lines.push(line));
  expect(lines).toEqual([
    'ada has 100',
    'generation 2 is built, generation 1 is read',
    'generation 2 is read',
  ]);
});

it('the example of failures tries three times, and leaves out only what is of tests', async () => {
  const decide = (attempt: number, metadata: Record<string, string>) =>
    patient.onFailure?.(new Error('no'), storedEvent({ metadata }), attempt);
  expect(await decide(2, {})).toEqual({ kind: 'RETRY' });
  expect(await decide(3, {})).toEqual({ kind: 'FAIL' });
  expect(await decide(3, { test: 'true' })).toEqual({ kind: 'IGNORE' });
});

it('docs/projections.md shows the examples as they are tested', () => {
  const examples = ['totals', 'balances', 'each-account'].map((name) => `examples/projections/${name}.ts`);
  expect(shownButNotIn('docs/projections.md', examples)).toEqual([]);
});
