import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Latency } from '../../bench/latency.js';
import { type Peer, PEER_NAMES } from '../../bench/peers/contestant.js';
import { install, isInstalled } from '../../bench/peers/install.js';
import { messageDbSql, openMessageDb } from '../../bench/peers/message-db.js';
import { type OwnDatabase, ownDatabase, type Server } from '../../bench/peers/own-database.js';
import type { Result } from '../../bench/result.js';
import { newSchemaName } from '../support/test-database.js';

// Built before the tests run.
const main = path.resolve(import.meta.dirname, '../../dist/bench/main.js');
const run = async (...args: string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--quick', '--json', ...args]);
  return JSON.parse(stdout) as Result;
};

/** The run's Postgres, as the bench would have it. */
function postgres(): Server {
  const { connectionString, host = '', port, user, database } = inject('connection') as pg.ClientConfig;
  const where = new URLSearchParams({ host, port: String(port) });
  return {
    url: connectionString ?? `postgres://${user}@localhost/${database}?${where.toString()}`,
    connect: async () => {
      const client = new pg.Client(inject('connection'));
      await client.connect();
      return client;
    },
  };
}

describe("Message DB's contract, as it is measured", () => {
  let database: OwnDatabase;
  let client: pg.Client;
  let other: pg.Client;

  beforeAll(async () => {
    database = await ownDatabase({ postgres: postgres(), name: newSchemaName() });
    client = await database.connect();
    other = await database.connect();
    await client.query(await messageDbSql());
  });
  afterAll(async () => {
    await client.end();
    await other.end();
    await database.drop();
  });

  const write = async (stream: string, expectedVersion: number | null = null, by = client) => {
    const { rows } = await by.query<{ position: string }>(
      `SELECT message_store.write_message(gen_random_uuid()::varchar, $1, 'Deposited', '{"amount": 1}', '{"by": "x"}', $2) AS position`,
      [stream, expectedVersion],
    );
    return Number(rows[0]?.position);
  };

  it('hashes as its documentation does', async () => {
    const { rows } = await client.query(`SELECT message_store.hash_64('someStream') AS hash`);
    expect(rows).toEqual([{ hash: '2053039834977696644' }]);
  });

  it('answers a write with the position, counted from 0 in each stream', async () => {
    expect([await write('account-1'), await write('account-1'), await write('account-2')]).toEqual([0, 1, 0]);
  });

  it('takes the version that is there, and -1 for none', async () => {
    expect([await write('account-3', -1), await write('account-3', 0)]).toEqual([0, 1]);
  });

  it('refuses another version in the documented words', async () => {
    await write('account-4');
    await expect(write('account-4', 7)).rejects.toThrow(
      'Wrong expected version: 7 (Stream: account-4, Stream Version: 0)',
    );
    await expect(write('account-4', -1)).rejects.toThrow('Wrong expected version: -1');
  });

  it('reads a stream from a position, so many at a time', async () => {
    for (let version = 0; version < 5; version++) await write('order-1');
    const { rows } = await client.query<{ position: string; data: unknown; metadata: unknown }>(
      `SELECT * FROM message_store.get_stream_messages('order-1', 1, 3)`,
    );
    expect(rows.map(({ position }) => position)).toEqual(['1', '2', '3']);
    expect(rows[0]).toMatchObject({ type: 'Deposited', data: { amount: 1 }, metadata: { by: 'x' } });
  });

  it('reads a category over its streams and over no others, in the order of the whole store', async () => {
    for (const stream of ['till-1', 'tillage-1', 'till-2', 'till-1', 'till']) await write(stream);
    const { rows } = await client.query<{ stream_name: string }>(
      `SELECT * FROM message_store.get_category_messages('till')`,
    );
    expect(rows.map(({ stream_name }) => stream_name)).toEqual(['till-1', 'till-2', 'till-1', 'till']);
  });

  it('lets one write to a category at a time, until its transaction ends', async () => {
    const isFree = async (category: string) => {
      const { rows } = await other.query<{ free: boolean }>(
        'SELECT pg_try_advisory_xact_lock(message_store.hash_64($1)) AS free',
        [category],
      );
      return rows[0]?.free;
    };
    await client.query('BEGIN');
    await write('busy-1');
    expect([await isFree('busy'), await isFree('idle')]).toEqual([false, true]);
    await client.query('COMMIT');
    expect(await isFree('busy')).toBe(true);
  });
});

describe('a peer', () => {
  let peer: Peer;
  let name: string;

  beforeAll(async () => {
    name = newSchemaName();
    peer = await openMessageDb(postgres(), name);
  });

  const query = async (sql: string) => {
    const own = new URL(postgres().url);
    own.pathname = `/${name}`;
    const client = new pg.Client({ connectionString: own.href });
    await client.connect();
    const { rows } = await client.query<{ count: string }>(sql);
    await client.end();
    return rows;
  };

  it('has what it acknowledged', async () => {
    const latency = new Latency();
    expect(await peer.appendSingles(3, 100, latency)).toBeGreaterThan(0);
    await peer.verify();
    const [{ count } = { count: '' }] = await query('SELECT count(*) FROM message_store.messages');
    expect(Number(count)).toBe(latency.count);
  });

  it('reads all that is there', async () => {
    // The streams that appends have made are none that are read.
    await query('TRUNCATE message_store.messages');
    await peer.close();
    peer = await openMessageDb(postgres(), name);
    await peer.fill({ stream: 2_500, log: 3_000 });
    for (const reading of peer.reads) expect(await peer.read(reading, 1)).toBeGreaterThan(0);
    await peer.verify();
  });

  it('is not measured by what it lost', async () => {
    await query(`DELETE FROM message_store.messages WHERE stream_name = 'Account-long' AND position = 2000`);
    await expect(peer.verify()).rejects.toThrow('acknowledged 3000 events, and 2999 are there');
    await expect(peer.read('STREAM', 1)).rejects.toThrow('acknowledged 2500 events, and 2499 are there');
  });

  it('leaves no database behind', async () => {
    await peer.close();
    const client = await postgres().connect();
    const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    await client.end();
    expect(rows).toEqual([]);
  });
});

describe('the rows about peers', () => {
  it('are there for Message DB without installing anything', async () => {
    const { rows } = await run('--only', 'peer-appends,peer-loads', '--peers', 'message-db');
    expect(rows.map(({ id, floor }) => [id, floor.peer, floor.what])).toEqual([
      ['peer-appends', 'message-db', 'Message DB by its contract, a connection a caller, 8 at a time'],
      ['peer-appends', 'message-db', 'Message DB by its contract, a connection a caller, 16 at a time'],
      ['peer-appends', 'message-db', 'Message DB by its contract, a connection a caller, 64 at a time'],
      ['peer-loads', 'message-db', 'Message DB by its contract, a connection a caller, a stream'],
      ['peer-loads', 'message-db', 'Message DB by its contract, a connection a caller, the log'],
    ]);
    for (const { ours, floor } of rows) {
      expect(ours).toBeGreaterThan(0);
      expect(floor.value).toBeGreaterThan(0);
    }
  }, 120_000);

  it('refuse a peer that is none', async () => {
    await expect(run('--peers', 'kafka')).rejects.toMatchObject({
      stderr: expect.stringContaining('kafka is none of emmett, message-db, eventsourcing, umadb'),
    });
  });
});

describe.each(PEER_NAMES.filter((name) => name !== 'message-db'))('%s', async (name) => {
  // A peer is left out where a person runs the tests, who may not want it; elsewhere one that cannot be had is a failure.
  if (process.env.HEADWATER_TEST_REQUIRE_ALL) await install(name, (text) => console.log(text));
  const installed = await isInstalled(name);
  const title = 'is measured beside ours, and has what it acknowledged';
  it.skipIf(!installed)(
    installed ? title : `${title} (not installed: npm run bench -- --only peer-appends --peers ${name})`,
    async () => {
      const { rows } = await run('--only', 'peer-appends,peer-batches,peer-loads', '--peers', name);
      expect(new Set(rows.map(({ id }) => id))).toEqual(
        new Set(['peer-appends', 'peer-batches', 'peer-loads']),
      );
      for (const { ours, floor } of rows) {
        expect(floor.peer).toBe(name);
        expect(ours).toBeGreaterThan(0);
        expect(floor.value).toBeGreaterThan(0);
      }
    },
    180_000,
  );
});
