import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { systemRuntime } from '../../src/system.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { nextPayload, type Payload, StreamWalk, walks } from '../workload.js';
import { mustHave, type Peer, type Reading, type ReadSizes } from './contestant.js';
import { sourceFile } from './folder.js';
import { type OwnDatabase, ownDatabase, type Server } from './own-database.js';

/** The documented default of both reading functions. */
const PAGE = 1000;
const CATEGORY = 'Account';
const LONG_STREAM = `${CATEGORY}-long`;
const READS = {
  STREAM: {
    name: 'stream_page',
    text: `SELECT * FROM message_store.get_stream_messages('${LONG_STREAM}', $1, ${PAGE})`,
  },
  LOG: {
    name: 'category_page',
    text: `SELECT * FROM message_store.get_category_messages('${CATEGORY}', $1, ${PAGE})`,
  },
};

interface Message {
  readonly position: string;
  readonly global_position: string;
}

/** Message DB by its documented contract: see message-db.sql. */
export async function openMessageDb(postgres: Server, databaseName: string): Promise<Peer> {
  const database = await ownDatabase({ postgres, name: databaseName });
  try {
    const client = await database.connect();
    await client.query(await messageDbSql());
    await client.end();
  } catch (error) {
    await database.drop();
    throw error;
  }
  return new MessageDb(database);
}

export function messageDbSql(): Promise<string> {
  return readFile(sourceFile('message-db.sql'), 'utf8');
}

/** Writes the walk's next event; answers its position. */
export async function writeMessage(
  client: pg.Client,
  walk: StreamWalk,
  payload: Payload = nextPayload(),
): Promise<number> {
  const { stream, version } = walk.step();
  const { rows } = await client.query<{ position: string }>({
    name: 'write_message',
    text: 'SELECT message_store.write_message($1, $2, $3, $4, $5, $6) AS position',
    values: [
      systemRuntime.newEventId(),
      `${CATEGORY}-${stream.aggregateId}`,
      payload.eventType,
      payload.data.toString(),
      JSON.stringify(payload.metadata),
      version - 1,
    ],
  });
  const position = Number(rows[0]?.position);
  if (position !== version) throw new Error(`Message DB wrote to ${position} instead of ${version}`);
  return position;
}

class MessageDb implements Peer {
  readonly name = 'message-db';
  readonly label = 'Message DB by its contract, a connection a caller';
  readonly singles = [8, 16, 64].map((callers) => ({ callers, ours: 256 }));
  readonly processes = [];
  readonly reads = ['STREAM', 'LOG'] as const;
  readonly parses = true;
  readonly #database: OwnDatabase;
  #acknowledged = 0;
  #sizes: ReadSizes = { stream: 0, log: 0 };

  constructor(database: OwnDatabase) {
    this.#database = database;
  }

  async appendSingles(callers: number, milliseconds: number, latency: Latency): Promise<number> {
    // Connected for the turn: sixty-four that were kept would be most of what the server has.
    const clients = await Promise.all(Array.from({ length: callers }, () => this.#database.connect()));
    const writers = walks(callers).map((walk, index) => ({ walk, client: clients[index] }));
    try {
      return await keepInFlight(writers, milliseconds, async ({ client, walk }) => {
        if (!client) return 0;
        await latency.of(() => writeMessage(client, walk));
        this.#acknowledged += 1;
        return 1;
      });
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  }

  /** The function itself, called in one statement: how long this takes is not measured. */
  async fill({ stream, log }: ReadSizes): Promise<void> {
    const { data, eventType, metadata } = nextPayload();
    await this.#with(async (client) => {
      await client.query(
        `SELECT message_store.write_message(gen_random_uuid()::varchar, name, $1, $2, $3, NULL)
           FROM (SELECT $4 AS name FROM generate_series(1, $5)
                 UNION ALL SELECT $6 || '-' || gen_random_uuid() FROM generate_series(1, $7)) streams`,
        [eventType, data.toString(), JSON.stringify(metadata), LONG_STREAM, stream, CATEGORY, log - stream],
      );
      await client.query('VACUUM (ANALYZE) message_store.messages');
    });
    this.#acknowledged += log;
    this.#sizes = { stream, log };
  }

  read(what: Reading, milliseconds: number): Promise<number> {
    const expected = what === 'STREAM' ? this.#sizes.stream : this.#sizes.log;
    return this.#with((client) =>
      keepInFlight([client], milliseconds, async () => {
        let events = 0;
        for (let next = 0, found = PAGE; found === PAGE; ) {
          const { rows } = await client.query<Message>({ ...READS[what], values: [next] });
          const last = rows.at(-1);
          if (last) next = Number(what === 'STREAM' ? last.position : last.global_position) + 1;
          found = rows.length;
          events += found;
        }
        mustHave(this.label, expected, events);
        return events;
      }),
    );
  }

  tune(): Promise<void> {
    return Promise.resolve();
  }

  verify(): Promise<void> {
    return this.#with(async (client) => {
      const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM message_store.messages');
      mustHave(this.label, this.#acknowledged, Number(rows[0]?.count));
    });
  }

  close(): Promise<void> {
    return this.#database.drop();
  }

  async #with<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await this.#database.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
}
