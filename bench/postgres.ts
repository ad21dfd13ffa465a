import path from 'node:path';
import type pg from 'pg';
import { startEmbeddedPostgres } from '../src/embedded/index.js';
import { connected } from './connected.js';
import { findPostmaster } from './postmaster.js';

/** The Postgres that both the service and the floors use. */
export interface Postgres {
  readonly url: string;
  /** Started for the run, with the settings that a new server has; or somebody's own. */
  readonly kind: 'EMBEDDED' | 'GIVEN';
  /** Undefined where its processes cannot be seen: on another machine, or not on Linux. */
  readonly postmaster: number | undefined;
  readonly version: string;
  readonly settings: Readonly<Record<string, string>>;
  /** A connection of one's own; whoever asks ends it. */
  connect(): Promise<pg.Client>;
  stop(): Promise<void>;
}

/** Those that decide how fast a durable write is. */
const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'wal_compression',
  'commit_delay',
  'shared_buffers',
  'wal_buffers',
  'max_wal_size',
  'checkpoint_timeout',
  'autovacuum',
];

/** The server of DATABASE_URL, or an embedded one in the folder. */
export async function openPostgres(scratch: string): Promise<Postgres> {
  const given = process.env['DATABASE_URL'];
  if (given) return describe({ url: given, kind: 'GIVEN', stop: async () => undefined });
  const server = await startEmbeddedPostgres({ dataDirectory: path.join(scratch, 'postgres') });
  const { host, port, user, database } = server.connection;
  const query = new URLSearchParams({ host, port: String(port) });
  const url = `postgres://${user}@localhost/${database}?${query.toString()}`;
  return describe({ url, kind: 'EMBEDDED', stop: () => server.stop() });
}

async function describe(server: Pick<Postgres, 'url' | 'kind' | 'stop'>): Promise<Postgres> {
  const { url, stop } = server;
  const connect = () => connected(url);
  try {
    const client = await connect();
    const { rows } = await client.query<{ name: string; value: string }>(
      'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) name',
      [['server_version', ...SETTINGS]],
    );
    const postmaster = await findPostmaster(client);
    await client.end();
    const { server_version: version = '', ...settings } = Object.fromEntries(
      rows.map(({ name, value }) => [name, value]),
    );
    return { ...server, postmaster, version, settings, connect };
  } catch (error) {
    await stop();
    throw error;
  }
}
