import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import { keepInFlight } from '../in-flight.js';
import { Latency } from '../latency.js';
import { nextPayload, type Payload, walks } from '../workload.js';
import { BATCH_EVENTS, fastest, mustHave, type Peer, type Reading, type ReadSizes } from './contestant.js';
import { peerFolder } from './folder.js';
import { type OwnDatabase, ownDatabase, type Server } from './own-database.js';

// emmett-postgresql as an application has it: in its own process, on a pool of connections of its own.

/** As much of the package as is used, after its own declarations. */
interface EmmettModule {
  getPostgreSQLEventStore(
    connectionString: string,
    options: {
      readonly schema: { readonly autoMigration: 'None' };
      readonly connectionOptions: { readonly pool: pg.Pool };
    },
  ): EmmettStore;
}

interface EmmettStore {
  readonly schema: { migrate(): Promise<unknown> };
  appendToStream(
    streamName: string,
    events: readonly EmmettEvent[],
    options: { readonly expectedStreamVersion: bigint },
  ): Promise<{ readonly nextExpectedStreamVersion: bigint }>;
  readStream(streamName: string): Promise<{ readonly events: readonly unknown[] }>;
  close(): Promise<void>;
}

interface EmmettEvent {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Pooled {
  readonly connections: number;
  readonly store: EmmettStore;
  close(): Promise<void>;
}

const POOLS = [8, 16, 32];
const LONG_STREAM = 'Account-long';

export async function openEmmett(postgres: Server, databaseName: string): Promise<Peer> {
  const folder = peerFolder('emmett');
  const require = createRequire(path.join(folder, 'package.json'));
  const load = (name: string): Promise<unknown> => import(pathToFileURL(require.resolve(name)).href);
  const emmett = (await load('@event-driven-io/emmett-postgresql')) as EmmettModule;
  const driver = (await load('pg')) as { readonly default: typeof pg };
  const manifest = await readFile(
    path.join(folder, 'node_modules/@event-driven-io/emmett-postgresql/package.json'),
    'utf8',
  );
  const database = await ownDatabase({ postgres, name: databaseName });
  const open = (connections: number): Pooled => {
    const pool = new driver.default.Pool({ connectionString: database.url, max: connections });
    // What breaks a connection fails a query too; without a listener it would end the process.
    pool.on('error', () => undefined);
    const store = emmett.getPostgreSQLEventStore(database.url, {
      schema: { autoMigration: 'None' },
      connectionOptions: { pool },
    });
    return {
      connections,
      store,
      close: async () => {
        await store.close();
        await pool.end();
      },
    };
  };
  const peer = new Emmett((JSON.parse(manifest) as { version: string }).version, database, open);
  try {
    await peer.migrate();
    return peer;
  } catch (error) {
    await peer.close();
    throw error;
  }
}

class Emmett implements Peer {
  readonly name = 'emmett';
  readonly singles = [64, 256].map((callers) => ({ callers, ours: 256 }));
  readonly processes = [];
  readonly reads = ['STREAM'] as const;
  readonly parses = true;
  readonly #version: string;
  readonly #database: OwnDatabase;
  readonly #open: (connections: number) => Pooled;
  #pooled: Pooled;
  #batchCallers = 4;
  #acknowledged = 0;
  #longStream = 0;

  constructor(version: string, database: OwnDatabase, open: (connections: number) => Pooled) {
    this.#version = version;
    this.#database = database;
    this.#open = open;
    this.#pooled = open(POOLS[0] ?? 1);
  }

  get label(): string {
    return `emmett-postgresql ${this.#version} in process, ${this.#pooled.connections} connections`;
  }

  async migrate(): Promise<void> {
    await this.#pooled.store.schema.migrate();
  }

  async tune(what: 'SINGLES' | 'BATCHES', milliseconds: number): Promise<void> {
    const settings =
      what === 'SINGLES'
        ? POOLS.map((connections) => ({ connections, callers: 64 }))
        : [2, 4, 8, 16].map((callers) => ({ connections: callers, callers }));
    const use = async (connections: number) => {
      await this.#pooled.close();
      this.#pooled = this.#open(connections);
    };
    const best = await fastest(settings, async ({ connections, callers }) => {
      await use(connections);
      const turn = async () => {
        if (what === 'SINGLES') return this.appendSingles(callers, milliseconds, new Latency());
        this.#batchCallers = callers;
        return this.appendBatches(milliseconds, new Latency());
      };
      // The first connects.
      await turn();
      return turn();
    });
    await use(best.connections);
    this.#batchCallers = best.callers;
  }

  appendSingles(callers: number, milliseconds: number, latency: Latency): Promise<number> {
    return this.#append(callers, milliseconds, 1, latency);
  }

  appendBatches(milliseconds: number, latency: Latency): Promise<number> {
    return this.#append(this.#batchCallers, milliseconds, BATCH_EVENTS, latency);
  }

  async fill({ stream }: ReadSizes): Promise<void> {
    for (let version = 0; version < stream; version += BATCH_EVENTS)
      await this.#pooled.store.appendToStream(LONG_STREAM, events(BATCH_EVENTS), {
        expectedStreamVersion: BigInt(version),
      });
    this.#acknowledged += stream;
    this.#longStream = stream;
    const client = await this.#database.connect();
    await client.query('VACUUM (ANALYZE)');
    await client.end();
  }

  read(_what: Reading, milliseconds: number): Promise<number> {
    return keepInFlight([this.#pooled.store], milliseconds, async (store) => {
      const { events: found } = await store.readStream(LONG_STREAM);
      mustHave(this.label, this.#longStream, found.length);
      return found.length;
    });
  }

  async verify(): Promise<void> {
    const client = await this.#database.connect();
    try {
      const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM emt_messages');
      mustHave(this.label, this.#acknowledged, Number(rows[0]?.count));
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    await this.#pooled.close();
    await this.#database.drop();
  }

  #append(callers: number, milliseconds: number, count: number, latency: Latency): Promise<number> {
    const { store } = this.#pooled;
    return keepInFlight(walks(callers), milliseconds, async (walk) => {
      const { stream, version } = walk.step(count);
      await latency.of(() =>
        store.appendToStream(`Account-${stream.aggregateId}`, events(count), {
          // 0 says that there is none, and spares it the look for the version that STREAM_DOES_NOT_EXIST costs.
          expectedStreamVersion: BigInt(version),
        }),
      );
      this.#acknowledged += count;
      return count;
    });
  }
}

const objects = new WeakMap<Payload, EmmettEvent>();

function events(count: number): readonly EmmettEvent[] {
  return Array.from({ length: count }, () => {
    const payload = nextPayload();
    let event = objects.get(payload);
    if (event === undefined) {
      event = {
        type: payload.eventType,
        data: JSON.parse(payload.data.toString()) as unknown,
        metadata: payload.metadata,
      };
      objects.set(payload, event);
    }
    return event;
  });
}
