import type { Config } from './config.js';
import type { Logger } from './core/logger.js';
import type { EmbeddedPostgres } from './embedded/index.js';
import { Database, type DatabaseOptions } from './postgres/database.js';
import { errorFields } from './telemetry/logger.js';
import { withoutPassword } from './without-password.js';

/** The service's own database. */
export function openDatabase(
  config: Config,
  connection: DatabaseOptions['connection'],
  logger: Logger,
): Database {
  return new Database({
    connection,
    readConnections: config.readConnections,
    appendConnections: config.appendConnections,
    connectTimeoutMilliseconds: config.connectTimeoutMs,
    statementTimeoutMilliseconds: config.statementTimeoutMs,
    durability: config.durability,
    onConnectionLost: (error) => logger.warn('A database connection was lost', errorFields(error)),
  });
}

/** Connects when it is first needed: a service must start without its replica. */
export function openReplica(config: Config, logger: Logger): Database {
  return new Database({
    connection: { connectionString: config.readDatabaseUrl },
    replica: true,
    readConnections: config.replicaConnections,
    connectTimeoutMilliseconds: config.connectTimeoutMs,
    statementTimeoutMilliseconds: config.statementTimeoutMs,
    onConnectionLost: (error) => logger.warn('A connection to the replica was lost', errorFields(error)),
  });
}

/** The databases of the placed namespaces, one for each URL; nothing connects before it is needed. */
export function openPlacements(config: Config, own: Database, logger: Logger): ReadonlyMap<string, Database> {
  const byUrl = new Map([[config.databaseUrl, own]]);
  return new Map(
    Object.entries(config.placements).map(([name, url]) => {
      const database = byUrl.get(url) ?? openDatabase(config, { connectionString: url }, logger);
      byUrl.set(url, database);
      return [name, database];
    }),
  );
}

/** Its socket is the only way in, and only its user and root may enter that folder. */
export function psqlOf({ connection: { host, user, database } }: EmbeddedPostgres): string {
  const folder = /^[\w./-]+$/.test(host) ? host : `'${host.replaceAll("'", String.raw`'\''`)}'`;
  return `psql -h ${folder} -U ${user} -d ${database}`;
}

/** In words for a person, without credentials. */
export function describeDatabase(url: string, postgres: EmbeddedPostgres | undefined): string {
  if (postgres) return `embedded Postgres ${postgres.serverVersion}, data in ${postgres.dataDirectory}`;
  return `Postgres at ${withoutPassword(url)}`;
}
