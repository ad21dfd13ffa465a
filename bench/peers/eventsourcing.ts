import pg from 'pg';
import { BATCH_EVENTS, fastest, mustHave, type Peer, type Reading, type ReadSizes } from './contestant.js';
import { peerFolder } from './folder.js';
import { type OwnDatabase, ownDatabase, type Server } from './own-database.js';
import { PythonProcess } from './python-process.js';
import { VERSIONS } from './versions.js';

/** How its application recorder is driven: so many threads, each on a connection of its pool. */
interface Setting {
  readonly callers: number;
  /** Inserts by its function in the database, or by a pipeline of statements, which is its default. */
  readonly functions: boolean;
}

const SETTINGS: readonly Setting[] = [1, 4, 16].flatMap((callers) =>
  [false, true].map((functions) => ({ callers, functions })),
);

/** The Python library `eventsourcing`, on Postgres by psycopg, in a process that measures itself. */
export async function openEventsourcing(postgres: Server, databaseName: string): Promise<Peer> {
  const database = await ownDatabase({ postgres, name: databaseName });
  try {
    const { host, port, user, password } = new pg.Client({ connectionString: database.url });
    const python = await PythonProcess.start(peerFolder('eventsourcing'), 'eventsourcing_peer.py', {
      database: { dbname: databaseName, host, port, user, password: password ?? '' },
    });
    return new Eventsourcing(database, python);
  } catch (error) {
    await database.drop();
    throw error;
  }
}

class Eventsourcing implements Peer {
  readonly name = 'eventsourcing';
  readonly reads = ['STREAM', 'LOG'] as const;
  readonly parses = false;
  readonly processes: readonly number[];
  readonly #database: OwnDatabase;
  readonly #python: PythonProcess;
  #setting: Setting = { callers: 4, functions: false };
  #acknowledged = 0;
  #sizes: ReadSizes = { stream: 0, log: 0 };

  constructor(database: OwnDatabase, python: PythonProcess) {
    this.#database = database;
    this.#python = python;
    this.processes = python.processes;
  }

  get label(): string {
    const how = this.#setting.functions ? ' by its database function' : '';
    return `Python eventsourcing ${VERSIONS.eventsourcing}, its recorder${how}`;
  }

  get singles() {
    return [{ callers: this.#setting.callers, ours: 256 }];
  }

  async tune(what: 'SINGLES' | 'BATCHES', milliseconds: number): Promise<void> {
    this.#setting = await fastest(SETTINGS, async (setting) => {
      this.#setting = setting;
      return what === 'SINGLES'
        ? this.appendSingles(setting.callers, milliseconds)
        : this.appendBatches(milliseconds);
    });
  }

  appendSingles(callers: number, milliseconds: number): Promise<number> {
    return this.#append(callers, 1, milliseconds);
  }

  appendBatches(milliseconds: number): Promise<number> {
    return this.#append(this.#setting.callers, BATCH_EVENTS, milliseconds);
  }

  async fill(sizes: ReadSizes): Promise<void> {
    await this.#python.ask({ do: 'fill', ...sizes });
    this.#acknowledged += sizes.log;
    this.#sizes = sizes;
  }

  async read(what: Reading, milliseconds: number): Promise<number> {
    const expected = what === 'STREAM' ? this.#sizes.stream : this.#sizes.log;
    return (await this.#python.measure({ do: 'read', what, expected, milliseconds })).rate;
  }

  async verify(): Promise<void> {
    const client = await this.#database.connect();
    try {
      const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM stored_events');
      mustHave(this.label, this.#acknowledged, Number(rows[0]?.count));
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    await this.#python.stop();
    await this.#database.drop();
  }

  async #append(callers: number, batch: number, milliseconds: number): Promise<number> {
    const { functions } = this.#setting;
    const { events, rate } = await this.#python.measure({
      do: 'append',
      callers,
      batch,
      functions,
      milliseconds,
    });
    this.#acknowledged += events;
    return rate;
  }
}
