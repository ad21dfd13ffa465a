import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mailer } from '../../examples/consumer-groups.js';
import { startBilling } from '../../examples/exactly-once.js';
import { startBus } from '../../examples/message-bus.js';
import {
  type Connection,
  connect,
  consume,
  eventsOf,
  inTransaction,
  LeaseLostError,
  type MessageFailure,
  systemRuntime,
} from '../../src/index.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import { type RunningService, serve } from '../support/headwater.js';
import { shownButNotIn } from './shown.js';
import { type ExampleDatabase, openExampleDatabase } from './sql-database.js';

let database: ExampleDatabase;
let service: RunningService;
let connection: Connection;
let pool: pg.Pool;
beforeAll(async () => {
  database = await openExampleDatabase();
  service = await serve([], database.url);
  connection = connect({ address: service.address });
  pool = new pg.Pool({ connectionString: database.url });
  await pool.query('CREATE TABLE invoices (order_id text)');
});
afterAll(async () => {
  connection?.close();
  await pool?.end();
  await service?.kill('SIGTERM');
  await database?.drop();
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(20);
}

const place = (order: string) =>
  connection.eventStore.append(appendTo(thing(order, 'Order'), newEvent({ eventType: 'OrderPlaced' })));

async function invoices(): Promise<readonly string[]> {
  const { rows } = await pool.query<{ order_id: string }>('SELECT order_id FROM invoices ORDER BY order_id');
  return rows.map((row) => row.order_id);
}

it('docs/consumer-groups.md shows the examples as they are tested', () => {
  expect(
    shownButNotIn('docs/consumer-groups.md', [
      'examples/consumer-groups.ts',
      'examples/exactly-once.ts',
      'examples/message-bus.ts',
    ]),
  ).toEqual([]);
});

it('the mailer sends, parks what is broken, and goes on when it is left out', async () => {
  const lines: string[] = [];
  await mailer(service.address, (line) => lines.push(line));
  expect(lines).toEqual([
    'a mail to ada',
    'parked after 1 attempt: SyntaxError',
    'a mail to grace',
    'to be tried again: 1',
    'handled 2, failed 1',
  ]);
});

describe('billing in the transaction of the ack', () => {
  it('writes one invoice for each order, although handlers fail behind their INSERT', async () => {
    // The orders of the other examples are not billed.
    await connection.consumerGroups.create({
      name: 'billing',
      selection: { filters: [{ eventTypes: ['OrderPlaced'] }] },
      settings: { retryDelayMs: 10 },
      start: { kind: 'END' },
    });
    let tries = 0;
    const billing = startBilling(connection, pool, {
      group: 'billing',
      meanwhile: async () => {
        tries += 1;
        if (tries % 2 === 1) throw new Error('the printer is away');
      },
    });
    for (const order of ['a', 'b', 'c']) await place(order);
    await until(async () => (await invoices()).length === 3);
    await billing.stop();
    expect(billing.stats.failed).toBeGreaterThan(0);
    expect(await invoices()).toEqual(['a', 'b', 'c']);
  });

  it('passes over what was committed by a member that was lost before its ack', async () => {
    // Commits, and never gets to say so.
    const groups = connection.consumerGroups;
    const { position } = await groups.reset({ name: 'billing', start: { kind: 'END' } });
    await place('d');
    const gone = new AbortController();
    const membership = await groups.join({ group: 'billing' }, { signal: gone.signal });
    for await (const message of membership.messages) {
      const [event] = message.kind === 'DELIVER' ? (message.deliveries[0]?.events ?? []) : [];
      if (event === undefined) continue;
      expect(event.position).toBeGreaterThan(position);
      const client = await pool.connect();
      await client.query('BEGIN');
      const { rows } = await client.query<{ done: boolean }>('SELECT headwater.ack($1, $2, $3) AS done', [
        'billing',
        membership.memberId,
        String(event.position),
      ]);
      expect(rows).toEqual([{ done: true }]);
      await client.query('INSERT INTO invoices (order_id) VALUES ($1)', [event.stream.aggregateId]);
      await client.query('COMMIT');
      client.release();
      break;
    }
    gone.abort(new Error('the process was killed'));
    const heir = startBilling(connection, pool, { group: 'billing' });
    await place('e');
    await until(async () => (await invoices()).includes('e'));
    await until(async () => (await groups.get('billing')).lag === 0n);
    await heir.stop();
    expect((await invoices()).slice(-2)).toEqual(['d', 'e']);
    expect((await invoices()).filter((order) => order === 'd')).toHaveLength(1);
  });
});

describe('a handler in the transaction of the ack', () => {
  const failures: string[] = [];
  const reports = {
    runtime: systemRuntime,
    onFailure: ({ error }: MessageFailure) => {
      failures.push(error instanceof Error ? error.message : 'unknown');
      return { kind: 'RETRY', afterMs: 0 } as const;
    },
  };

  it('fails where a statement has failed and it went on all the same, instead of losing the effect', async () => {
    const consumer = consume(connection.consumerGroups, {
      ...reports,
      group: 'careless',
      create: { start: { kind: 'END' } },
      handle: inTransaction({
        pool,
        handle: async (event, client, { attempt }) => {
          await client.query('INSERT INTO invoices (order_id) VALUES ($1)', [event.stream.aggregateId]);
          if (attempt === 1) await client.query('SELECT 1/0').catch(() => undefined);
        },
      }),
    });
    await consumer.ready;
    await place('careless');
    await until(() => consumer.stats.handled === 1);
    await consumer.stop();
    expect(failures).toEqual(['The transaction was rolled back: one of its statements had failed']);
    expect((await invoices()).filter((order) => order === 'careless')).toHaveLength(1);
  });

  it('outlives the loss of its connection, while a statement runs and while none does', async () => {
    const handled: number[] = [];
    const consumer = consume(connection.consumerGroups, {
      ...reports,
      group: 'unlucky',
      create: { start: { kind: 'END' } },
      handle: inTransaction({
        pool,
        handle: async (event, client, { attempt }) => {
          await client.query('INSERT INTO invoices (order_id) VALUES ($1)', [event.stream.aggregateId]);
          if (attempt === 1) await client.query('SELECT pg_terminate_backend(pg_backend_pid())');
          if (attempt === 2) {
            const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
            const pid = rows[0]?.['pid'];
            await pool.query('SELECT pg_terminate_backend($1)', [pid]);
            await until(async () => {
              const found = await pool.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid]);
              return found.rowCount === 0;
            });
          }
          handled.push(attempt);
        },
      }),
    });
    await consumer.ready;
    await place('unlucky');
    await until(() => consumer.stats.handled === 1);
    await consumer.stop();
    expect(handled).toEqual([2, 3]);
    expect((await invoices()).filter((order) => order === 'unlucky')).toHaveLength(1);
  });

  it('leaves the event to the member that holds it, and gives its connection back', async () => {
    const { lastPosition } = await place('foreign');
    let calls = 0;
    const handle = inTransaction({
      pool,
      handle: () => {
        calls += 1;
      },
    });
    for await (const event of eventsOf(
      connection.eventStore.load({ filters: [{ positions: { first: lastPosition } }] }),
    ))
      await expect(
        handle(event, {
          attempt: 1,
          replayed: false,
          metadata: {},
          signal: new AbortController().signal,
          group: 'careless',
          memberId: 'nobody',
        }),
      ).rejects.toThrow(LeaseLostError);
    expect(calls).toBe(0);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('cannot be made for what is no namespace', () => {
    expect(() => inTransaction({ pool, schema: 'a"b', handle: () => undefined })).toThrow(
      '"a\\"b" is no namespace',
    );
  });
});

it('the bus hands every event to each handler, and to one of the workers of a name', async () => {
  const lines: string[] = [];
  const bus = startBus(connection, (line) => lines.push(line));
  await bus.ready;
  await place('bus');
  await until(() => lines.length === 2);
  await bus.close();
  expect(lines.toSorted()).toEqual(['dropped from the cache: bus', 'mailed: bus']);
});
