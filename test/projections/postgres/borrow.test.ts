import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { borrow } from '../../../src/core/sql-client.js';
import { FaultProxy, through } from '../../support/fault-proxy.js';
import { newPool } from './read-model-database.js';

let proxy: FaultProxy;
let pool: pg.Pool;
beforeAll(async () => {
  proxy = await FaultProxy.before(inject('connection'));
  pool = newPool(through(proxy, inject('connection')) as object);
});
afterAll(async () => {
  await pool.end();
  await proxy.close();
});

it('a connection that the server ends in the same bytes that say that it has begun fails its statement, and not the process', async () => {
  const unheard: unknown[] = [];
  const note = (error: unknown) => unheard.push(error);
  // In front of those of the test runner, which would fail the run.
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
  try {
    proxy.endNewSessions(3);
    for (let ended = 1; ended <= 3; ended++) {
      const { client, giveBack } = await borrow(pool);
      await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable|terminat|Connection/);
      giveBack(true);
      expect(proxy.lost).toBe(ended);
    }
    const { client, giveBack } = await borrow(pool);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    giveBack(false);
    expect(unheard).toEqual([]);
  } finally {
    process.off('uncaughtException', note);
    for (const other of others) process.on('uncaughtException', other);
  }
});

it('one that is ended while it is in use fails its statement, and not the process; given back it is heard by its pool alone', async () => {
  const { client, giveBack } = await borrow(pool);
  const emitting = client as unknown as pg.PoolClient;
  const heard = emitting.listenerCount('error');
  await expect(client.query('SELECT pg_terminate_backend(pg_backend_pid())')).rejects.toThrow(/terminat/);
  giveBack(true);
  const next = await borrow(pool);
  const other = next.client as unknown as pg.PoolClient;
  expect(other.listenerCount('error')).toBe(heard);
  next.giveBack(false);
  const again = await borrow(pool);
  expect(again.client).toBe(next.client);
  expect((again.client as unknown as pg.PoolClient).listenerCount('error')).toBe(heard);
  again.giveBack(false);
});
