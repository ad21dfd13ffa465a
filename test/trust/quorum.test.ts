import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InternalError } from '../../src/core/errors.js';
import { Database } from '../../src/postgres/database.js';
import { logHealth } from '../../src/postgres/log-health.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { systemRuntime } from '../../src/system.js';
import { startServiceProcess } from '../support/service-process.js';
import {
  type ReplicatedPostgres,
  type Standby,
  startReplicatedPostgres,
  until,
} from '../support/replicated-postgres.js';

const schema = 'headwater';
let set: ReplicatedPostgres;
let standby: Standby;
const opened: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  set = await startReplicatedPostgres(1);
  const [only] = set.standbys;
  if (only === undefined) throw new Error('There is no standby');
  standby = only;
  await set.synchronous('ANY 1 (*)');
}, 60_000);

afterEach(async () => {
  await standby.attach();
  for (const one of opened.splice(0)) await one.stop();
  await set.synchronous('ANY 1 (*)');
});

afterAll(() => set.close());

/** An instance of the service's store. */
async function openStore(connectTimeoutMilliseconds = 800) {
  const database = new Database({
    connection: { connectionString: set.url },
    durability: 'quorum',
    connectTimeoutMilliseconds,
  });
  const store = new PostgresEventStore({
    database,
    schema,
    runtime: systemRuntime,
    groupCommit: { resolveMilliseconds: 20_000 },
    onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
  });
  const stop = async () => {
    await store.stop();
    await database.close();
  };
  opened.push({ stop });
  await migrate(database, schema);
  await store.start();
  return { store, database };
}

const append = (aggregateId: string, eventId: string = randomUUID()) => ({
  streams: [
    {
      stream: { aggregateType: 'Thing', aggregateId },
      expectedVersion: 'NO_STREAM' as const,
      events: [{ eventId, eventType: 'Happened', data: Buffer.from('x') }],
    },
  ],
});

async function streamsIn(store: PostgresEventStore): Promise<string[]> {
  const found: string[] = [];
  for await (const page of store.load({})) found.push(...page.events.map(({ stream }) => stream.aggregateId));
  return found;
}

/** What a subscription is given, from when this resolves: it is live then. */
async function follow(store: PostgresEventStore): Promise<string[]> {
  const found: string[] = [];
  const end = new AbortController();
  let live: () => void = () => undefined;
  const isLive = new Promise<void>((resolve) => {
    live = resolve;
  });
  const following = (async () => {
    for await (const message of store.subscribe({ start: { kind: 'END' } }, { signal: end.signal })) {
      found.push(...message.events.map(({ stream }) => stream.aggregateId));
      if (message.signal?.kind === 'CAUGHT_UP') live();
    }
  })().catch((error: unknown) => {
    if (!end.signal.aborted) found.push(`failed: ${String(error)}`);
    live();
  });
  opened.unshift({
    stop: async () => {
      end.abort();
      await following;
    },
  });
  await isLive;
  return found;
}

const settled = (work: Promise<unknown>) => {
  const state = { done: false };
  const done = () => {
    state.done = true;
  };
  work.then(done, done);
  return state;
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** How many backends have committed and wait for the standby. */
async function waiting(): Promise<number> {
  const rows = await set.primary.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
  return rows.length;
}

describe('an append while no standby answers', () => {
  it('is not acknowledged before the standby has it', async () => {
    const { store } = await openStore();
    await standby.detach();
    const appending = store.append(append('waits'));
    const state = settled(appending);
    await pause(700);
    expect(state.done).toBe(false);
    expect(await streamsIn(store)).not.toContain('waits');
    await standby.attach();
    await expect(appending).resolves.toMatchObject({ outcome: 'APPENDED', deduplicated: false });
    await standby.caughtUp();
    expect(await standby.query(`SELECT 1 FROM ${schema}.events WHERE aggregate_id = 'waits'`)).toHaveLength(
      1,
    );
  });

  it('is UNKNOWN when its wait is cancelled, and no repeat is acknowledged before the standby has it', async () => {
    const { store } = await openStore();
    const { store: other } = await openStore();
    const seen = await follow(store);
    await standby.detach();
    const id = randomUUID();
    const appending = store.append(append('cancelled', id));
    const failing = expect(appending).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'UNKNOWN',
    });
    await until(async () => (await waiting()) === 1, 'the append to wait for the standby');
    await set.primary.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    );
    await failing;
    // The instance whose wait was cancelled knows, and shows nothing; the other one finds the event, and waits in its commit.
    await expect(streamsIn(store)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('No synchronous standby has confirmed') as string,
    });
    const here = store.append(append('cancelled', id)).catch((error: unknown) => error);
    const there = other.append(append('cancelled', id));
    const states = [settled(there)];
    await expect(here).resolves.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    await pause(500);
    expect(states.map(({ done }) => done)).toEqual([false]);
    expect(seen).toEqual([]);
    await standby.attach();
    await expect(there).resolves.toMatchObject({ deduplicated: true });
    await until(() => seen.length > 0, 'the subscription to go on');
    expect(seen).toEqual(['cancelled']);
    await expect(store.append(append('cancelled', id))).resolves.toMatchObject({ deduplicated: true });
  });

  it('is UNKNOWN when its time is over, and its connection is not used again', async () => {
    const { database } = await openStore();
    await standby.detach();
    const began = performance.now();
    await expect(
      database.query('append', "SELECT pg_logical_emit_message(true, 'test', 'x')", [], {
        timeoutMilliseconds: 300,
      }),
    ).rejects.toThrow('did not answer within 300 ms');
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('a kill -9 of the whole primary while an append waits for a standby', () => {
  it('shows the append to nobody before the standby has it', { timeout: 60_000 }, async () => {
    const trials = 3;
    let looks = 0;
    for (let trial = 0; trial < trials; trial++) {
      const { store, database } = await openStore();
      const { store: other } = await openStore();
      const seen = [await follow(store), await follow(other)];
      await standby.detach();
      const name = `crash ${trial}`;
      const appending = store.append(append(name));
      const state = settled(appending);
      await until(async () => (await waiting()) === 1, 'the append to wait for the standby');
      await set.primary.kill();
      await set.primary.restart();
      const [there] = await set.primary.query(
        `SELECT count(*)::integer AS n FROM ${schema}.events WHERE aggregate_id = '${name}'`,
      );
      // It is committed and visible in the table: without the barrier a reader would be given it.
      expect(there).toEqual({ n: 1 });
      const end = performance.now() + 1500;
      while (performance.now() < end) {
        for (const one of [store, other]) {
          const found = await streamsIn(one).catch((error: unknown) => error);
          expect(found).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
          looks += 1;
        }
        // Not even by a refusal is it told that the stream is there.
        const refused = await other.append(append(name)).catch((error: unknown) => error);
        expect(refused).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
        looks += 1;
      }
      await expect(logHealth(database, schema)).rejects.toThrow('No synchronous standby is connected');
      expect(seen).toEqual([[], []]);
      expect(state.done).toBe(false);
      await standby.attach();
      await expect(appending).resolves.toMatchObject({ outcome: 'APPENDED', deduplicated: true });
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual([[name], [name]]);
      for (const one of [store, other]) expect(await streamsIn(one)).toContain(name);
    }
    console.log(`dirty reads after a crash: ${trials} crashes, ${looks} looks, 0 saw the append too early`);
  });
});

describe('a server that promises less than a standby', () => {
  it('is refused at the start, with the way out', async () => {
    await set.synchronous('');
    try {
      await expect(openStore()).rejects.toThrow(
        /^Durability "quorum" needs a synchronous standby, and synchronous_standby_names is empty: name one on the server/,
      );
    } finally {
      await set.synchronous('ANY 1 (*)');
    }
    for (const level of ['local', 'remote_write']) {
      await set.primary.query(`ALTER ROLE headwater SET synchronous_commit = ${level}`);
      await expect(openStore()).rejects.toThrow(
        `Durability "quorum" needs synchronous_commit "on" or "remote_apply", and it is "${level}"`,
      );
    }
    await set.primary.query('ALTER ROLE headwater SET synchronous_commit = remote_apply');
    await openStore();
    await set.primary.query('ALTER ROLE headwater RESET synchronous_commit');
  });

  it('stops the start of a service with one sentence, also when no standby answers', async () => {
    const flags = ['--durability', 'quorum', '--connect-timeout-ms', '500'];
    await standby.detach();
    await expect(startServiceProcess({ databaseUrl: set.url, flags })).rejects.toThrow(
      'No synchronous standby has confirmed yet what the primary shows: connect one to the server, or serve with --durability local',
    );
    await expect(startServiceProcess({ flags: ['--read-database-url', set.url] })).rejects.toThrow(
      'READ_DATABASE_URL is set and DATABASE_URL is not: the embedded Postgres has no replica',
    );
  });

  it('is not ready while the names are empty or no standby is connected', async () => {
    const { store, database } = await openStore();
    const health = () => logHealth(database, schema);
    await expect(health()).resolves.toMatchObject({ standbys: 'CONNECTED' });
    await standby.detach();
    await expect(health()).rejects.toThrow('No synchronous standby is connected');
    // Nobody has to have the names for what is there already to be read.
    await streamsIn(store);
    await standby.attach();
    await until(
      () =>
        health().then(
          () => true,
          () => false,
        ),
      'the standby to be back',
    );
    await set.synchronous('');
    await until(
      () =>
        health().then(
          () => false,
          () => true,
        ),
      'the names to be empty',
    );
    await expect(health()).rejects.toThrow('synchronous_standby_names is empty');
    await expect(store.append(append('alone'))).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'NOT_APPLIED',
      message: expect.stringContaining('synchronous_standby_names is empty') as string,
    });
    await set.synchronous('ANY 1 (*)');
    await until(
      () =>
        health().then(
          () => true,
          () => false,
        ),
      'the names to be back',
    );
    await store.append(append('together'));
  });

  it('is told that it cannot be seen, to a role that may not see the standbys', async () => {
    await openStore();
    await set.primary.query('DROP ROLE IF EXISTS service');
    await set.primary.query(`CREATE ROLE service LOGIN; GRANT headwater_writer, headwater_reader TO service`);
    const url = new URL(set.url);
    url.username = 'service';
    const database = new Database({ connection: { connectionString: url.toString() }, durability: 'quorum' });
    opened.push({ stop: () => database.close() });
    await expect(logHealth(database, schema)).resolves.toMatchObject({ standbys: 'HIDDEN' });
    await standby.detach();
    await until(
      async () => (await set.primary.query('SELECT 1 FROM pg_stat_replication')).length === 0,
      'the standby to be gone',
    );
    await expect(logHealth(database, schema)).rejects.toThrow('No synchronous standby is connected');
  });
});
