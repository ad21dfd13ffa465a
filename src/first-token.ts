import { AccessLog } from './access/access-log.js';
import type { MadeToken } from './auth/access-admin.js';
import type { RoleBinding } from './auth/principal.js';
import type { Config } from './config.js';
import { InternalError } from './core/errors.js';
import type { Logger } from './core/logger.js';
import { openDatabase } from './databases.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded/index.js';
import type { Database } from './postgres/database.js';
import { migrate } from './postgres/migrate.js';
import { PostgresEventStore } from './postgres/postgres-event-store.js';
import { asStartError } from './start-error.js';
import { systemRuntime } from './system.js';
import { errorFields } from './telemetry/logger.js';

/** Who is said to have made it. */
const BY = 'database';

export interface FirstToken {
  readonly name: string;
  readonly principal: string;
  readonly bindings: readonly RoleBinding[];
  /** Milliseconds for which it is good. */
  readonly validForMs: number;
}

/**
 * Makes a token where nobody can come in to make one, by writing what the service reads: whoever holds the database could do
 * that by hand. Services that run learn of it as of any other. Fails with `StartError`, as where the embedded Postgres is in
 * use by a service.
 */
export async function makeFirstToken(config: Config, logger: Logger, token: FirstToken): Promise<MadeToken> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await make(config, logger, token, undo);
  } catch (error) {
    throw asStartError(error, config);
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

async function make(
  config: Config,
  logger: Logger,
  { bindings, name, principal, validForMs }: FirstToken,
  undo: (() => Promise<unknown>)[],
): Promise<MadeToken> {
  const postgres: EmbeddedPostgres | undefined = config.databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ dataDirectory: config.data });
  undo.push(async () => postgres?.stop());
  const database: Database = openDatabase(
    config,
    postgres?.connection ?? { connectionString: config.databaseUrl },
    logger,
  );
  undo.push(() => database.close());
  await migrate(database, config.accessNamespace);
  const store = new PostgresEventStore({
    database,
    schema: config.accessNamespace,
    runtime: systemRuntime,
    onUnexpected: (error, outcome) => {
      const errorId = systemRuntime.newEventId();
      logger.error('An unexpected error', { errorId, outcome, ...errorFields(error) });
      return new InternalError(errorId, { cause: error, outcome });
    },
  });
  await store.start();
  undo.push(() => store.stop());
  const log = new AccessLog({ store, runtime: systemRuntime });
  undo.push(() => log.stop());
  await log.start();
  const expiresAt = systemRuntime.now() + BigInt(validForMs) * 1000n;
  return log.createToken({ name, principal, bindings, expiresAt }, BY);
}
