import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { InternalError } from '../../src/core/errors.js';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import {
  PostgresEventStore,
  type PostgresEventStoreOptions,
} from '../../src/postgres/postgres-event-store.js';
import { systemRuntime } from '../../src/system.js';

/** A schema of one's own in the run's Postgres, migrated and dropped when closed. */
export interface TestDatabase {
  readonly database: Database;
  readonly schema: string;
  close(): Promise<void>;
}

export function openDatabase(): Database {
  return new Database({ connection: inject('connection') });
}

export function newSchemaName(): string {
  return `t_${randomBytes(8).toString('hex')}`;
}

export async function openTestDatabase(): Promise<TestDatabase> {
  const database = openDatabase();
  const schema = newSchemaName();
  await migrate(database, schema);
  return {
    database,
    schema,
    close: async () => {
      await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
      await database.close();
    },
  };
}

/** A started store on a schema of its own. */
export interface TestStore extends TestDatabase {
  readonly store: PostgresEventStore;
}

export async function openTestStore(options: Partial<PostgresEventStoreOptions> = {}): Promise<TestStore> {
  const opened = await openTestDatabase();
  const store = storeOn(opened, options);
  await store.start();
  return {
    ...opened,
    store,
    close: async () => {
      await store.stop();
      await opened.close();
    },
  };
}

/** Another store on the same log, as a second instance of the service would have. Not started. */
export function storeOn(
  { database, schema }: Pick<TestDatabase, 'database' | 'schema'>,
  options: Partial<PostgresEventStoreOptions> = {},
): PostgresEventStore {
  return new PostgresEventStore({
    database,
    schema,
    runtime: systemRuntime,
    onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
    ...options,
  });
}
