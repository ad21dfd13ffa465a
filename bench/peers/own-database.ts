import type pg from 'pg';
import { connected } from '../connected.js';
import { PeerMissingError } from './install.js';
import type { Postgres } from '../postgres.js';

/** A database of a peer's own, on the server that all use. */
export interface OwnDatabase {
  readonly url: string;
  connect(): Promise<pg.Client>;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

const INSUFFICIENT_PRIVILEGE = '42501';

/** Makes a database, empty and with the server's settings. Needs the right to make one. */
export async function ownDatabase({ postgres, name }: OwnDatabaseOptions): Promise<OwnDatabase> {
  const admin = async (sql: string) => {
    const client = await postgres.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  try {
    await admin(`CREATE DATABASE "${name}"`);
  } catch (error) {
    if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new PeerMissingError('It needs a database of its own: give the role of DATABASE_URL CREATEDB', {
      cause: error,
    });
  }
  const own = new URL(postgres.url);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    connect: () => connected(own.href),
    drop: () => admin(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
  };
}

/** The server that all use. */
export type Server = Pick<Postgres, 'url' | 'connect'>;

export interface OwnDatabaseOptions {
  readonly postgres: Server;
  readonly name: string;
}
