import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';
import { accountEvents, until } from '../projections/followed-log.js';
import { newPool } from '../projections/postgres/read-model-database.js';

const namespace = newSchemaName();
const schema = `counts_${randomBytes(6).toString('hex')}`;
const checkpointSchema = `${schema}_checkpoints`;
const programs = new Map<string, ChildProcess>();
let service: RunningService;
let connection: Connection;
let pool: Pool;
beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  connection = connect({ address: service.address });
  pool = newPool(inject('connection'));
});
afterAll(async () => {
  for (const program of programs.values()) program.kill('SIGKILL');
  connection.close();
  await service.kill('SIGTERM');
  for (const one of [schema, checkpointSchema, namespace])
    await pool.query(`DROP SCHEMA IF EXISTS "${one}" CASCADE`);
  await pool.end();
});

function start(runner: string, hangsAt = 0): void {
  const file = path.join(import.meta.dirname, 'counting.js');
  const database = inject('connection');
  const words = { address: service.address, database, schema, checkpointSchema, runner, hangsAt };
  const program = spawn(process.execPath, [file, JSON.stringify(words)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  programs.set(runner, program);
}

const live = async () => (await connection.projections.get('counts')).live;

it('a runner that is killed with a batch in its hands is replaced within seconds, and each event has one effect', async () => {
  const EVENTS = 200;
  const stream = { aggregateType: 'Account', aggregateId: 'a' };
  const events = Array.from({ length: EVENTS }, () => accountEvents.encode('Deposited', { amount: 1 }));
  await connection.eventStore.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });

  start('one', 150);
  const one = programs.get('one');
  if (one?.stdout) await once(one.stdout, 'data');
  start('two');
  await until(async () => (await live()).position.position === 140n);
  one?.kill('SIGKILL');
  const killedAt = performance.now();
  await until(async () => (await live()).runner === 'two' && (await live()).position.position > 140n);
  // A lease lasts six seconds.
  expect(performance.now() - killedAt).toBeLessThan(20_000);

  await connection.projections.waitFor(
    'counts',
    { position: BigInt(EVENTS) },
    { timeoutMilliseconds: 25_000 },
  );
  const { rows } = await pool.query(
    `SELECT count(*)::int AS counted, array_agg(DISTINCT runner ORDER BY runner) AS runners,
            (SELECT count::int FROM "${schema}".total) AS total
       FROM "${schema}".counted`,
  );
  expect(rows).toEqual([{ counted: EVENTS, total: EVENTS, runners: ['one', 'two'] }]);
}, 60_000);
