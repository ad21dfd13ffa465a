import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import type { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { FaultProxy, through } from '../support/fault-proxy.js';
import { openTestDatabase, storeOn, type TestDatabase } from '../support/test-database.js';

let direct: TestDatabase;
let proxy: FaultProxy;
let database: Database;
let store: PostgresEventStore;

beforeEach(async () => {
  direct = await openTestDatabase();
  proxy = await FaultProxy.before(inject('connection'));
  database = new Database({
    connection: through(proxy, inject('connection')),
    connectTimeoutMilliseconds: 500,
    statementTimeoutMilliseconds: 2000,
  });
  store = storeOn({ database, schema: direct.schema }, { groupCommit: { resolveMilliseconds: 1500 } });
  await store.start();
});

afterEach(async () => {
  proxy.cut(false);
  await store.stop();
  await database.close();
  await proxy.close();
  await direct.close();
});

const request = (aggregateId: string, data: string) => ({
  streams: [
    {
      stream: { aggregateType: 'Thing', aggregateId },
      expectedVersion: 'NO_STREAM' as const,
      events: [{ eventType: 'Happened', data: Buffer.from(data) }],
    },
  ],
});

const count = async () => {
  const [[events] = []] = await direct.database.query(
    'read',
    `SELECT count(*) FROM "${direct.schema}".events`,
    [],
  );
  return Number(events);
};

describe('a commit whose answer is lost', () => {
  it('is resolved before the next group, and each event is there once', async () => {
    for (let round = 0; round < 20; round++) {
      const sentBefore = proxy.lost;
      proxy.loseNextReplyTo('append_');
      const results = await Promise.all([
        store.append(request(`a${round}`, 'first')),
        store.append(request(`b${round}`, 'second')),
      ]);
      expect(results.map(({ firstPosition }) => firstPosition)).toEqual([
        BigInt(round * 2 + 1),
        BigInt(round * 2 + 2),
      ]);
      expect(proxy.lost).toBe(sentBefore + 1);
    }
    expect(await count()).toBe(40);
  });

  it('is answered as UNKNOWN when the database stays away, and becomes definite on the same ids', async () => {
    const again = {
      streams: [
        {
          stream: { aggregateType: 'Thing', aggregateId: 'lost' },
          expectedVersion: 'NO_STREAM' as const,
          events: [
            {
              eventId: '0190a000-0000-7000-8000-000000000001',
              eventType: 'Happened',
              data: Buffer.from('x'),
            },
          ],
        },
      ],
    };
    proxy.loseNextReplyTo('append_', { thenRefuse: true });
    await expect(store.append(again)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'UNKNOWN',
    });
    proxy.cut(false);
    await expect(store.append(again)).resolves.toMatchObject({ firstPosition: 1n, deduplicated: true });
    expect(await count()).toBe(1);
  });
});

describe('an append while no connection can be had', () => {
  it('is answered as NOT_APPLIED', async () => {
    proxy.cut(true);
    // The pool must have seen its idle connections break: what goes out on a broken one is in doubt.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(store.append(request('never', 'sent'))).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'NOT_APPLIED',
    });
    expect(await count()).toBe(0);
  });
});
