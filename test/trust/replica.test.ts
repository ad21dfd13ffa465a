import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { InternalError } from '../../src/core/errors.js';
import { type LoadRequest, eventsOf } from '../../src/core/load.js';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { ReplicaReads } from '../../src/postgres/replica.js';
import { systemRuntime } from '../../src/system.js';
import { type ReplicatedPostgres, startReplicatedPostgres, until } from '../support/replicated-postgres.js';
import { startServiceProcess } from '../support/service-process.js';
import { startSwitchableForwarder, type SwitchableForwarder } from '../support/switchable-forwarder.js';

const schema = 'headwater';
let set: ReplicatedPostgres;
let address: SwitchableForwarder;
let database: Database;
let replica: Database;
let store: PostgresEventStore;

beforeAll(async () => {
  set = await startReplicatedPostgres(2);
  database = new Database({ connection: { connectionString: set.url } });
  await migrate(database, schema);
  // Behind one address there may be several replicas.
  address = await startSwitchableForwarder(standby(0).socketPath);
  replica = new Database({
    connection: { connectionString: `postgres://headwater@127.0.0.1:${address.port}/postgres` },
    replica: true,
    connectTimeoutMilliseconds: 1000,
  });
  store = new PostgresEventStore({
    database,
    replica,
    schema,
    runtime: systemRuntime,
    onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
  });
  await store.start();
  await standby(0).caughtUp();
  await standby(1).caughtUp();
}, 60_000);

afterAll(async () => {
  await store.stop();
  await replica.close();
  await database.close();
  await address.close();
  await set.close();
});

function standby(index: number) {
  const found = set.standbys[index];
  if (found === undefined) throw new Error(`There is no standby ${index}`);
  return found;
}

async function switchTo(socketPath: string | undefined): Promise<void> {
  address.switchTo(socketPath);
  // The connections that were cut have left the pool by then.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

const newStream = () => ({ aggregateType: 'Thing', aggregateId: randomUUID() });

async function append(stream = newStream(), count = 1) {
  const events = Array.from({ length: count }, (_, n) => ({
    eventType: 'Happened',
    data: Buffer.from(String(n)),
  }));
  const appended = await store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
  return { stream, token: { position: appended.lastPosition, epoch: appended.epoch } };
}

async function positions(request: LoadRequest, timeoutMilliseconds?: number): Promise<bigint[]> {
  const found: bigint[] = [];
  const options = timeoutMilliseconds === undefined ? {} : { timeoutMilliseconds };
  for await (const event of eventsOf(store.load(request, options))) found.push(event.position);
  return found;
}

const whole = (stream: { aggregateType: string; aggregateId: string }) =>
  ({ scope: { kind: 'STREAM', stream } }) as const;

describe('a load with min_position', () => {
  beforeEach(() => standby(0).pauseReplay());
  afterEach(() => standby(0).resumeReplay());

  it('fails shortly before its time is over when the replica has not come so far', async () => {
    const { stream, token } = await append();
    for (const timeoutMilliseconds of [1000, 2500]) {
      const began = performance.now();
      await expect(
        positions({ ...whole(stream), minPosition: token }, timeoutMilliseconds),
      ).rejects.toMatchObject({
        reason: 'POSITION_NOT_REACHED',
        position: token.position,
        reached: token.position - 1n,
      });
      const took = performance.now() - began;
      expect(took).toBeGreaterThan(timeoutMilliseconds * 0.7);
      expect(took).toBeLessThan(timeoutMilliseconds);
    }
  });

  it('waits, and has what was written when the replica goes on', async () => {
    const { stream, token } = await append();
    const began = performance.now();
    const reading = positions({ ...whole(stream), minPosition: token });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await standby(0).resumeReplay();
    expect(await reading).toEqual([token.position]);
    expect(performance.now() - began).toBeGreaterThan(290);
  });

  it('ends at once when it is aborted', async () => {
    const { stream, token } = await append();
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')), 50);
    const began = performance.now();
    const reading = eventsOf(store.load({ ...whole(stream), minPosition: token }, { signal: abort.signal }));
    await expect(reading.next()).rejects.toThrow('enough');
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('has its own writes, a thousand times, while the replica follows', async () => {
    await standby(0).resumeReplay();
    let stale = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let round = 0; round < 50; round++) {
          const { stream, token } = await append();
          const found = await positions({ ...whole(stream), minPosition: token });
          if (found.length !== 1 || found[0] !== token.position) stale += 1;
        }
      }),
    );
    console.log(`read-your-writes on a replica: 1,000 reads, ${stale} stale`);
    expect(stale).toBe(0);
  }, 30_000);
});

describe('a load that may be stale', () => {
  it('reads what the replica has, without waiting', async () => {
    const { stream, token } = await append();
    await standby(0).caughtUp();
    await standby(0).pauseReplay();
    try {
      await append(stream, 3);
      const began = performance.now();
      expect(await positions({ ...whole(stream), staleOk: true })).toEqual([token.position]);
      expect(performance.now() - began).toBeLessThan(5000);
      // Others are answered by the primary.
      expect(await positions(whole(stream))).toHaveLength(4);
    } finally {
      await standby(0).resumeReplay();
    }
  });
});

describe('a load of many pages', () => {
  it('comes from the replica in one piece', async () => {
    const { stream } = await append(newStream(), 900);
    await append(stream, 900);
    const { token } = await append(stream, 900);
    const found = await positions({ ...whole(stream), minPosition: token });
    expect(found).toHaveLength(2700);
    const backwards = await positions({ minPosition: token, direction: 'BACKWARDS', limit: 2700n });
    expect(backwards.reverse()).toEqual(found);
  });

  it('waits when it goes on at a replica that is behind, and misses nothing', async () => {
    const stream = newStream();
    await standby(1).caughtUp();
    await standby(1).pauseReplay();
    await append(stream, 900);
    await append(stream, 900);
    await append(stream, 900);
    await standby(0).caughtUp();
    for (const resumed of [false, true]) {
      await switchTo(standby(0).socketPath);
      const pages = store.load({ ...whole(stream), staleOk: true }, { timeoutMilliseconds: 1000 });
      const found: bigint[] = [];
      const reading = (async () => {
        for await (const page of pages) {
          found.push(...page.events.map(({ position }) => position));
          // Behind the first page no statement is under way; behind the others one is, and would be cut off.
          if (found.length === page.events.length) await switchTo(standby(1).socketPath);
          if (resumed) await standby(1).resumeReplay();
        }
      })();
      if (resumed) {
        await reading;
        expect(found).toHaveLength(2700);
      } else await expect(reading).rejects.toMatchObject({ reason: 'POSITION_NOT_REACHED' });
    }
    await switchTo(standby(0).socketPath);
  });

  it('fails where the replica is lost behind a page, with a prefix and the way out, and goes on from there', async () => {
    const stream = newStream();
    for (let appends = 0; appends < 5; appends++) await append(stream, 900);
    const { token } = await append(stream, 900);
    await standby(0).caughtUp();
    const every = await positions(whole(stream));
    const found: bigint[] = [];
    const reading = (async () => {
      for await (const page of store.load({ ...whole(stream), minPosition: token })) {
        found.push(...page.events.map(({ position }) => position));
        // The next statement has been sent by then.
        if (found.length > page.events.length) await switchTo(undefined);
      }
    })();
    await expect(reading).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('read without min_position and stale_ok from the primary'),
    });
    expect(found.length).toBeLessThan(every.length);
    expect(found).toEqual(every.slice(0, found.length));
    await switchTo(standby(0).socketPath);
    const rest = await positions({
      ...whole(stream),
      filters: [{ positions: { first: (found.at(-1) ?? 0n) + 1n } }],
      minPosition: token,
    });
    expect([...found, ...rest]).toEqual(every);
  });
});

describe('a replica that cannot answer', () => {
  it('is told as such when it is away; the primary is not asked instead', async () => {
    const { stream, token } = await append();
    await switchTo(undefined);
    await expect(positions({ ...whole(stream), minPosition: token })).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('The replica does not answer') as string,
    });
    expect(await positions(whole(stream))).toHaveLength(1);
    await switchTo(standby(0).socketPath);
    await until(
      () =>
        positions({ ...whole(stream), minPosition: token }).then(
          () => true,
          () => false,
        ),
      'the replica to be back',
    );
  });

  it('is told as such when it gave up the statement to follow the primary', async () => {
    await standby(0).query("ALTER SYSTEM SET max_standby_streaming_delay = '50ms'");
    await standby(0).query('SELECT pg_reload_conf()');
    const reads = new ReplicaReads({ database: replica, schema, runtime: systemRuntime });
    const reading = reads.query('read', `SELECT pg_sleep(20), position FROM ${schema}.log_head`, []);
    const failure = expect(reading).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('gave up the read') as string,
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await set.primary.query(`BEGIN; LOCK TABLE ${schema}.log_head IN ACCESS EXCLUSIVE MODE; COMMIT`);
    await failure;
  });

  it('is told as such when it does not have the log', async () => {
    const reads = new ReplicaReads({ database: replica, schema: 'elsewhere', runtime: systemRuntime });
    await expect(reads.query('read', 'SELECT 1', [])).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  });
});

describe('a service with READ_DATABASE_URL', () => {
  it('serves min_position and stale_ok from the replica, over gRPC', async () => {
    const service = await startServiceProcess({
      databaseUrl: set.url,
      flags: ['--read-database-url', standby(0).url],
    });
    const connection = connect({ address: service.address });
    try {
      const { stream, token } = await append();
      const count = async (request: LoadRequest, timeoutMilliseconds = 5000) => {
        let found = 0;
        for await (const _ of eventsOf(
          connection.eventStore.load({ ...whole(stream), ...request }, { timeoutMilliseconds }),
        ))
          found += 1;
        return found;
      };
      expect(await count({ minPosition: token })).toBe(1);
      await standby(0).pauseReplay();
      const next = await append(stream);
      expect(await count({})).toBe(2);
      expect(await count({ staleOk: true })).toBe(1);
      const began = performance.now();
      await expect(count({ minPosition: next.token }, 4000)).rejects.toMatchObject({
        reason: 'POSITION_NOT_REACHED',
        position: next.token.position,
        reached: token.position,
      });
      expect(performance.now() - began).toBeLessThan(10_000);
      const waiting = count({ minPosition: next.token });
      await standby(0).resumeReplay();
      expect(await waiting).toBe(2);
    } finally {
      await standby(0).resumeReplay();
      connection.close();
      await service.kill();
    }
  });
});

describe('an address of the primary that leads to a standby', () => {
  it('is refused for reads too: they would be stale', async () => {
    const misled = new Database({ connection: { connectionString: standby(0).url } });
    await expect(misled.query('read', 'SELECT 1', [])).rejects.toThrow(
      'The server is a standby, which may be behind and cannot be written to',
    );
    await misled.close();
  });
});

describe('without a replica', () => {
  it('the primary serves min_position and stale_ok, and knows no position above its head', async () => {
    const alone = new PostgresEventStore({
      database,
      schema,
      runtime: systemRuntime,
      onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
    });
    const { stream, token } = await append();
    const count = async (request: LoadRequest) => {
      let found = 0;
      for await (const _ of eventsOf(alone.load(request))) found += 1;
      return found;
    };
    expect(await count({ ...whole(stream), minPosition: token })).toBe(1);
    expect(await count({ ...whole(stream), staleOk: true })).toBe(1);
    await expect(count({ minPosition: { position: token.position + 1n } })).rejects.toMatchObject({
      reason: 'POSITION_UNKNOWN',
    });
    await alone.stop();
  });
});
