import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Event } from '../../../src/core/event.js';
import type { SqlClient } from '../../../src/core/sql-client.js';
import type { RunningProjection } from '../../../src/projections/projection-runner.js';
import { defineReadModel, type ReadModelDefinition } from '../../../src/projections/read-model-projector.js';
import { FaultProxy, through } from '../../support/fault-proxy.js';
import { emptyLogs } from '../../support/test-database.js';
import { accountEvents, until } from '../followed-log.js';
import { newPool, openReadModelDatabase, type ReadModelDatabase } from './read-model-database.js';

type Definition = ReadModelDefinition<Record<never, never>, object, SqlClient>;

let test: ReadModelDatabase;
const logs = emptyLogs();
afterAll(() => logs.close());
beforeEach(async () => {
  test = await openReadModelDatabase(logs);
});
afterEach(() => test.close());

/** Balances, and each event that was counted; once means once. */
function balances(more: Partial<Definition> = {}, factor = 1) {
  return defineReadModel({
    name: 'balances',
    schema: test.schema,
    init: async (client) => {
      await client.query('CREATE TABLE balance (account text PRIMARY KEY, amount bigint NOT NULL)');
      await client.query('CREATE TABLE counted (position bigint PRIMARY KEY)');
    },
    on: { Deposited: (client, event) => count(client, event, factor) },
    ...more,
  } as Definition);
}

async function count(client: SqlClient, event: Event, factor = 1): Promise<void> {
  const { payload } = accountEvents.decode(event);
  await client.query('INSERT INTO counted VALUES ($1::bigint)', [String(event.position)]);
  await client.query(
    `INSERT INTO balance VALUES ($1, $2::bigint)
     ON CONFLICT (account) DO UPDATE SET amount = balance.amount + excluded.amount`,
    [event.stream.aggregateId, String((payload as { amount: number }).amount * factor)],
  );
}

function run(model = balances(), pool = test.pool): RunningProjection {
  return test.run(model.work(pool, { checkpointSchema: test.checkpointSchema }));
}

const sum = async () => {
  const [row] = await test.rows(`SELECT sum(amount)::int AS sum FROM "${test.schema}".balance`);
  return row?.['sum'];
};
const counted = async () => {
  const [row] = await test.rows(`SELECT count(*)::int AS count FROM "${test.schema}".counted`);
  return row?.['count'];
};
const checkpoints = () =>
  test.rows(
    `SELECT generation::int, live, position::int FROM "${test.checkpointSchema}".checkpoints ORDER BY generation`,
  );

describe('a read model that is run', () => {
  it('makes its tables, fills them, and tells how far it is', async () => {
    await test.deposit('a', 1, 2);
    const running = run();
    const last = await test.deposit('b', 10);
    await running.waitFor(last);
    expect(await sum()).toBe(13);
    expect(await checkpoints()).toEqual([{ generation: 1, live: true, position: Number(last) }]);
    expect(await test.projections.waitFor('balances', { position: last })).toMatchObject({ position: last });
    expect(await test.projections.get('balances')).toMatchObject({ status: 'RUNNING', live: { lag: 0n } });
  });

  it('goes on where it was when it is run again, and makes its tables once', async () => {
    let made = 0;
    const model = balances({
      init: async (client) => {
        made += 1;
        await client.query('CREATE TABLE balance (account text PRIMARY KEY, amount bigint NOT NULL)');
        await client.query('CREATE TABLE counted (position bigint PRIMARY KEY)');
      },
    });
    const first = run(model);
    await first.waitFor(await test.deposit('a', 1, 2));
    await first.stop();
    const last = await test.deposit('a', 3);
    await run(model).waitFor(last);
    expect([await sum(), await counted(), made]).toEqual([6, 3, 1]);
  });

  it('takes only what it selects: some streams, types and versions', async () => {
    const selected = balances({
      from: {
        scope: {
          kind: 'STREAMS',
          streams: ['a', 'b'].map((id) => ({ aggregateType: 'Account', aggregateId: id })),
        },
        filters: [{ eventTypes: ['Deposited'], versions: { last: 2n } }],
      },
    });
    await test.deposit('a', 1, 2, 4);
    await test.deposit('c', 8);
    await run(selected).waitFor(await test.deposit('b', 16));
    expect([await sum(), await counted()]).toEqual([19, 3]);
  });

  it('may be stopped by its own handler, and another one goes on behind that', async () => {
    const stopping = balances({
      on: {
        Deposited: (client: SqlClient, event: Event) => {
          if (event.version === 3n) void first.stop();
          return count(client, event);
        },
      },
    });
    const last = await test.deposit('a', 1, 2, 4, 8, 16);
    const first: RunningProjection = test.run(
      stopping.work(test.pool, { checkpointSchema: test.checkpointSchema }),
      { batchEvents: 1 },
    );
    await first.ended;
    expect(await counted()).toBe(3);
    await run().waitFor(last);
    expect([await sum(), await counted()]).toEqual([31, 5]);
  });

  it('takes tables that a migration made, if it is told that they are there', async () => {
    await test.pool.query(`CREATE SCHEMA "${test.schema}"`);
    await test.pool.query(`CREATE TABLE "${test.schema}".balance (account text PRIMARY KEY, amount bigint)`);
    await test.pool.query(`CREATE TABLE "${test.schema}".counted (position bigint PRIMARY KEY)`);
    const model = balances({
      init: () => Promise.reject(new Error('called')),
      isInitialized: async (client) =>
        (await client.query(`SELECT to_regclass('balance') IS NOT NULL AS there`)).rows[0]?.['there'] ===
        true,
    });
    await run(model).waitFor(await test.deposit('a', 5));
    expect(await sum()).toBe(5);
  });

  it('does not take a schema that is not its own', async () => {
    await test.pool.query(`CREATE SCHEMA "${test.schema}"`);
    const running = run();
    await until(() => running.status().generations[0]?.state === 'FAILED');
    expect(running.status().generations[0]?.failure?.error).toMatch(/exists, and is not the projection's/);
    await until(async () => (await test.projections.get('balances')).status === 'FAILED');
  });

  it('keeps nothing of a batch whose handler fails, and all before it', async () => {
    let broken = true;
    const model = defineReadModel({
      name: 'balances',
      schema: test.schema,
      init: (client) =>
        client.query('CREATE TABLE balance (account text PRIMARY KEY, amount bigint NOT NULL)'),
      events: accountEvents,
      on: {
        Deposited: async (client, { stream, payload }) => {
          await client.query(
            `INSERT INTO balance VALUES ($1, $2::bigint)
             ON CONFLICT (account) DO UPDATE SET amount = balance.amount + excluded.amount`,
            [stream.aggregateId, String(payload.amount)],
          );
          if (payload.amount === 100 && broken) throw new Error('no hundreds');
        },
      },
    });
    await test.deposit('a', 1, 2, 100, 4);
    const running = run(model);
    await until(async () => (await test.projections.get('balances')).status === 'FAILED');
    expect(await sum()).toBe(3);
    expect((await test.projections.get('balances')).live.failure).toMatchObject({
      position: 3n,
      stream: { aggregateType: 'Account', aggregateId: 'a' },
      error: 'Error: no hundreds',
      attempts: 1,
    });
    broken = false;
    await test.projections.resume('balances');
    await running.waitFor(4n);
    expect(await sum()).toBe(107);
    await until(async () => (await test.projections.get('balances')).status === 'RUNNING');
  });

  it('finds the event by which a deferred constraint fails only at the COMMIT', async () => {
    const model = balances({
      init: async (client) => {
        await client.query('CREATE TABLE balance (account text PRIMARY KEY, amount bigint NOT NULL)');
        await client.query(
          'CREATE TABLE counted (position bigint PRIMARY KEY, twin bigint DEFAULT 1, UNIQUE (twin) DEFERRABLE INITIALLY DEFERRED)',
        );
      },
    });
    await test.deposit('a', 1, 2, 3);
    run(model);
    await until(async () => (await test.projections.get('balances')).status === 'FAILED');
    expect((await test.projections.get('balances')).live.failure).toMatchObject({ position: 2n });
    expect(await sum()).toBe(1);
  });

  it('is reset: its tables are made anew, and filled again', async () => {
    const running = run();
    const last = await test.deposit('a', 1, 2);
    await running.waitFor(last);
    await test.pool.query(`UPDATE "${test.schema}".balance SET amount = 77`);
    await test.projections.reset({ name: 'balances' });
    await until(async () => (await sum()) === 3);
    expect(await counted()).toBe(2);
  });

  it('is deleted with its tables, and ends', async () => {
    const running = run();
    await running.waitFor(await test.deposit('a', 1));
    expect(await test.projections.delete({ name: 'balances' })).toBe(false);
    expect(await running.ended).toEqual({});
    expect(await test.rows('SELECT 1 FROM pg_namespace WHERE nspname = $1', [test.schema])).toEqual([]);
    expect(await checkpoints()).toEqual([]);
    await expect(test.projections.get('balances')).rejects.toThrow(/does not exist/);
  });
});

describe('a read model whose database fails', () => {
  it('has each event once when the answer to a COMMIT is lost', async () => {
    const proxy = await FaultProxy.before(inject('connection'));
    const pool = newPool(through(proxy, inject('connection')) as object);
    try {
      const running = run(balances(), pool);
      await running.waitFor(await test.deposit('a', 1));
      for (let round = 0; round < 5; round++) {
        const lost = proxy.lost;
        // Not READ COMMITTED.
        proxy.loseNextReplyTo('COMMIT\u0000');
        const last = await test.deposit('a', 1, 1);
        await until(() => proxy.lost > lost);
        await running.waitFor(last, { timeoutMilliseconds: 20_000 });
      }
      expect([await sum(), await counted(), proxy.lost]).toEqual([11, 11, 5]);
    } finally {
      await test.stop();
      await pool.end();
      await proxy.close();
    }
  });

  it('has nothing of a batch whose connection breaks before the COMMIT, and then all of it', async () => {
    const proxy = await FaultProxy.before(inject('connection'));
    const pool = newPool(through(proxy, inject('connection')) as object);
    let cut = true;
    const model = balances({
      on: {
        Deposited: async (client, event) => {
          await client.query('INSERT INTO counted VALUES ($1::bigint)', [String(event.position)]);
          if (event.position === 2n && cut) {
            cut = false;
            proxy.cut(false);
            expect(await counted()).toBe(0);
          }
        },
      },
    });
    try {
      const last = await test.deposit('a', 1, 1, 1);
      await run(model, pool).waitFor(last, { timeoutMilliseconds: 20_000 });
      expect([await counted(), cut]).toEqual([3, false]);
    } finally {
      await test.stop();
      await pool.end();
      await proxy.close();
    }
  });

  it('refuses a runner whose lease another has by now, even if it does not know', async () => {
    const model = balances();
    const work = model.work(test.pool, { checkpointSchema: test.checkpointSchema });
    const { signal } = new AbortController();
    const lease = { name: 'balances', generation: 1n, live: true, position: { position: 0n } };
    const zombie = await work.open({ ...lease, fence: 1n }, signal);
    const next = await work.open({ ...lease, fence: 2n }, signal);
    const batch = { events: [], after: 0n, upTo: { position: 5n, epoch: 1n } };
    await expect(zombie.handle(batch, signal)).rejects.toThrow(/was lost/);
    await next.handle(batch, signal);
    expect(next.position).toEqual({ position: 5n, epoch: 1n });
    await expect(zombie.reset({ resetNumber: 1n, deleteEmitted: false }, signal)).rejects.toThrow(/was lost/);
  });
});

describe('a rebuild of a read model', () => {
  it('fills tables beside the live ones and swaps them, without an error or an empty table for readers', async () => {
    await test.deposit('a', ...Array.from({ length: 30 }, () => 1));
    const running = run();
    await running.waitFor(30n);
    const seen: unknown[] = [];
    let reading = true;
    const readers = Array.from({ length: 2 }, async () => {
      while (reading) {
        seen.push(await sum());
        seen.push((await test.rows(`SELECT count(*)::int AS n FROM "${test.schema}".counted`))[0]?.['n']);
      }
    });
    for (let generation = 2n; generation < 5n; generation++) {
      await test.projections.rebuild({ name: 'balances' });
      await test.deposit('a', 1);
      await until(async () => (await test.projections.get('balances')).live.generation === generation);
    }
    await running.waitFor(33n);
    reading = false;
    await Promise.all(readers);
    expect(seen.every((value) => Number(value) >= 30)).toBe(true);
    expect(seen.length).toBeGreaterThan(20);
    expect([await sum(), await counted()]).toEqual([33, 33]);
    await until(async () => (await checkpoints()).length === 1);
    expect(await checkpoints()).toEqual([{ generation: 4, live: true, position: 33 }]);
    const schemas = await test.rows('SELECT nspname::text FROM pg_namespace WHERE nspname LIKE $1', [
      `${test.schema}%`,
    ]);
    expect(schemas).toEqual([{ nspname: test.schema }]);
  });

  it('begins by itself when a later version of its rule is run, which then takes over from the earlier one', async () => {
    await test.deposit('a', 1, 2);
    const old = run();
    await old.waitFor(2n);
    const next = run(balances({ version: 2, ...timesTen() }));
    await until(async () => (await sum()) === 30);
    await next.waitFor(await test.deposit('a', 1));
    expect(await sum()).toBe(40);
    expect((await old.ended).failure?.message).toMatch(/at version 2 of its rule/);
  });

  it('waits for the swap if that is wanted, and tells what differs', async () => {
    await test.deposit('a', 1, 2);
    const running = run();
    await running.waitFor(2n);
    await test.pool.query(`UPDATE "${test.schema}".balance SET amount = 5`);
    await test.projections.rebuild({ name: 'balances', waitWithSwap: true });
    await until(async () => (await test.projections.get('balances')).building?.comparison);
    const { building } = await test.projections.get('balances');
    expect(building?.comparison).toBe('balance: 1 rows, 1 in the new one\n  - (a,5)\n  + (a,3)');
    const last = await test.deposit('a', 1);
    await running.waitFor(last);
    expect(await sum()).toBe(6);
    await test.projections.finishRebuild({ name: 'balances' });
    await until(async () => (await sum()) === 4);
    await until(async () => (await test.projections.get('balances')).building === undefined);
  });

  it('is deleted with the live one', async () => {
    const running = run();
    await running.waitFor(await test.deposit('a', 1));
    await test.projections.rebuild({ name: 'balances', waitWithSwap: true });
    await until(async () => (await checkpoints()).length === 2);
    await test.projections.delete({ name: 'balances' });
    expect(await running.ended).toEqual({});
    expect(await test.rows('SELECT 1 FROM pg_namespace WHERE nspname LIKE $1', [`${test.schema}%`])).toEqual(
      [],
    );
    expect(await checkpoints()).toEqual([]);
  });

  it('is refused without a schema of its own, while the live one goes on', async () => {
    const table = `"${test.checkpointSchema}_own".seen`;
    const model = defineReadModel({
      name: 'seen',
      init: async (client) => {
        await client.query(`CREATE SCHEMA "${test.checkpointSchema}_own"`);
        await client.query(`CREATE TABLE ${table} (position bigint)`);
      },
      reset: (client) => client.query(`DELETE FROM ${table}`),
      on: {
        '*': (client, { position }) => client.query(`INSERT INTO ${table} VALUES ($1)`, [String(position)]),
      },
    });
    const running = run(model);
    await running.waitFor(await test.deposit('a', 1));
    await test.projections.rebuild({ name: 'seen' });
    await until(async () => (await test.projections.get('seen')).building?.failure);
    expect((await test.projections.get('seen')).building?.failure?.error).toMatch(/no schema of its own/);
    await running.waitFor(await test.deposit('a', 1));
    await test.projections.finishRebuild({ name: 'seen', discard: true });
    await test.projections.reset({ name: 'seen' });
    await until(async () => (await test.rows(`SELECT 1 FROM ${table}`)).length === 2);
  });
});

function timesTen(): Partial<Definition> {
  const { on } = definitionOf(10);
  return { on };
}

function definitionOf(factor: number): Pick<Definition, 'on'> {
  return {
    on: {
      Deposited: async (client, event) => {
        const { amount } = accountEvents.decode(event).payload as { amount: number };
        await client.query(
          `INSERT INTO balance VALUES ($1, $2::bigint)
           ON CONFLICT (account) DO UPDATE SET amount = balance.amount + excluded.amount`,
          [event.stream.aggregateId, String(amount * factor)],
        );
      },
    },
  };
}
