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
      // What the test has left running (a member leaves its group after its call has ended) takes the tables in an order of its
      // own, so it is waited for: beside it the drop was told of a deadlock.
      await database.close();
      const last = openDatabase();
      try {
        await last.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
      } finally {
        await last.close();
      }
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

/**
 * Stores one after the other, each with an empty log, in one schema: emptying it takes a tenth of the time of making one.
 *
 * @example
 * const logs = emptyLogs();
 * afterAll(() => logs.close());
 */
export function emptyLogs(options: Partial<PostgresEventStoreOptions> = {}): {
  open(): Promise<TestStore>;
  close(): Promise<void>;
} {
  let opened: TestDatabase | undefined;
  return {
    open: async () => {
      if (opened === undefined) opened = await openTestDatabase();
      else await emptyLog(opened);
      const store = storeOn(opened, options);
      await store.start();
      return { ...opened, store, close: () => store.stop() };
    },
    close: async () => {
      await opened?.close();
    },
  };
}

/** A table with so many rows is truncated. Otherwise that takes four times as long, since each index gets a file of its own. */
const MANY_ROWS = 1_000;

/** What nobody can do but the owner of the tables, who switches their triggers off. */
async function emptyLog({ database, schema }: TestDatabase): Promise<void> {
  await database.withSession(async (session) => {
    const tables = await session.query(
      `SELECT format('%I.%I', $1::text, c.relname) FROM pg_class c
        WHERE c.relnamespace = quote_ident($1)::regnamespace AND c.relkind = 'r' AND c.relname <> 'schema_migrations'`,
      [schema],
    );
    const names = tables.map(([name]) => name ?? '');
    const counts = await session.query(
      names
        .map((name) => `SELECT '${name}', count(*) FROM (SELECT FROM ${name} LIMIT ${MANY_ROWS}) found`)
        .join(' UNION ALL '),
      [],
    );
    const guarded = ['events', 'event_tags'].map((table) => `"${schema}".${table}`);
    await session.query('BEGIN');
    for (const table of guarded) await session.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    if (counts.some(([, rows]) => Number(rows) >= MANY_ROWS))
      await session.query(`TRUNCATE ${names.join(', ')}`);
    else for (const [name, rows] of counts) if (Number(rows) > 0) await session.query(`DELETE FROM ${name}`);
    for (const table of guarded) await session.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    await session.query('COMMIT');
  });
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
