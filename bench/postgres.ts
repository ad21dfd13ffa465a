import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/embedded/index.js';

/** The Postgres that both the service and the floors use. */
export interface Postgres {
  readonly url: string;
  readonly version: string;
  readonly settings: Readonly<Record<string, string>>;
  /** A connection of one's own; whoever asks ends it. */
  connect(): Promise<pg.Client>;
  stop(): Promise<void>;
}

/** Those that decide how fast a durable write is. */
const SETTINGS = [
  'shared_buffers',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'max_wal_size',
  'commit_delay',
];

/** The server of DATABASE_URL, or an embedded one in the folder. */
export async function openPostgres(scratch: string): Promise<Postgres> {
  const given = process.env['DATABASE_URL'];
  if (given) return describe(given, async () => undefined);
  const server = await startEmbeddedPostgres({ dataDirectory: path.join(scratch, 'postgres') });
  const { host, port, user, database } = server.connection;
  const query = new URLSearchParams({ host, port: String(port) });
  return describe(`postgres://${user}@localhost/${database}?${query.toString()}`, () => server.stop());
}

async function describe(url: string, stop: () => Promise<void>): Promise<Postgres> {
  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    // A statement under way fails by itself; without a listener the event would end the process first.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  try {
    const client = await connect();
    const { rows } = await client.query<{ name: string; value: string }>(
      'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) name',
      [['server_version', ...SETTINGS]],
    );
    await client.end();
    const { server_version: version = '', ...settings } = Object.fromEntries(
      rows.map(({ name, value }) => [name, value]),
    );
    return { url, version, settings, connect, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
