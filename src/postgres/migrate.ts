import { createHash } from 'node:crypto';
import { NamespaceNotFoundError } from '../core/errors.js';
import { checkServer, UnsuitableDatabaseError } from './check-server.js';
import type { Database, Session } from './database.js';
import { grant, runsAsWriter } from './grant.js';
import { quotedSchema } from './schema.js';
import { inTransaction } from './session-transaction.js';
import { functions, type Migration, migrations } from './sql-files.js';
import { sqlstateOf } from './sqlstate.js';

/** What `migrate` found and did. */
export interface MigrationReport {
  /** For example "15.18". */
  readonly serverVersion: string;
  /** Whether there was nothing of Headwater's before. */
  readonly created: boolean;
  /** The names of the migrations that were applied now. */
  readonly applied: readonly string[];
  /** Whether the functions were replaced. */
  readonly functionsReplaced: boolean;
  /** Whether the roles headwater_writer and headwater_reader are there; where not, everything runs as the login role. */
  readonly roles: boolean;
}

// Any number that all instances agree on; the schema's name is hashed in beside it.
const LOCK_CLASS = 0x6865_6164 % 2 ** 31;
const LOCK_WAIT = '60s';

/**
 * Brings the schema to this version's state: creates it, applies the migrations that are missing, each in a transaction
 * of its own, replaces the functions if they differ, and grants. Any number of instances may do so at once: one works,
 * the others wait and find nothing to do. Needs a session, so a direct connection and not a pooler in transaction mode.
 *
 * Fails with `UnsuitableDatabaseError`, whose message says what to do.
 *
 * @param options.create whether to make what is not there at all; without it, that is a `NamespaceNotFoundError`
 */
export async function migrate(
  database: Database,
  schema: string,
  { create = true }: { readonly create?: boolean } = {},
): Promise<MigrationReport> {
  return database.withSession(async (session) => {
    const serverVersion = await checkServer(session, database.durability);
    // Else the first commit might wait for a standby for ever.
    await database.confirmed();
    const quoted = quotedSchema(schema);
    await lockForMigration(session, schema);
    const known = await migrations();
    const wanted = await functionsDigest(known.length);
    const state = await schemaState(session, schema);
    if (!state.migrated && !create) throw new NamespaceNotFoundError(schema);
    if (!state.exists) await session.query(`CREATE SCHEMA ${quoted}`).catch(asMissingRight(schema));
    if (!state.migrated) await createMigrationsTable(session, quoted).catch(asMissingRight(schema));
    const missing = await missingMigrations(session, quoted, known);
    const functionsReplaced = missing.length > 0 || state.functions !== wanted;
    try {
      for (const migration of missing) await apply(session, quoted, migration, schema);
      // Only then: a role that may use the schema and not change it must be able to serve it.
      if (functionsReplaced) {
        await replaceFunctions(session, schema, wanted);
        await grant(session, schema);
      }
    } catch (error) {
      asMissingRight(schema)(error);
    }
    await session.query(`SELECT * FROM ${quoted}.open_log()`);
    const roles = await runsAsWriter(session, schema);
    return {
      serverVersion,
      created: !state.migrated,
      applied: missing.map(({ name }) => name),
      functionsReplaced,
      roles,
    };
  });
}

/** Held until the session ends, by whoever changes the schema as a whole; others wait for a minute. */
export async function lockForMigration(session: Session, schema: string): Promise<void> {
  await session.query(`SET lock_timeout = '${LOCK_WAIT}'`);
  await session.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_CLASS, schema]);
}

async function createMigrationsTable(session: Session, quoted: string): Promise<void> {
  await inTransaction(session, async () => {
    await session.query(
      `CREATE TABLE ${quoted}.schema_migrations (number integer PRIMARY KEY, name text NOT NULL, ` +
        'digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    await session.query(`COMMENT ON TABLE ${quoted}.schema_migrations IS '${MARK} no functions yet'`);
  });
}

/** Stands in the comment on the table schema_migrations, with the digest of the functions behind it. */
export const MARK = 'Headwater:';

interface SchemaState {
  readonly exists: boolean;
  readonly migrated: boolean;
  /** The digest of the functions that are there. */
  readonly functions: string | undefined;
}

/** What is there already. Throws for a schema of that name that somebody else filled: it is left alone. */
async function schemaState(session: Session, schema: string): Promise<SchemaState> {
  const [row] = await session.query(
    `SELECT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid),
            (SELECT obj_description(c.oid, 'pg_class') FROM pg_class c
              WHERE c.relnamespace = n.oid AND c.relname = 'schema_migrations')
       FROM pg_namespace n WHERE n.nspname = $1`,
    [schema],
  );
  const [filled, comment] = row ?? [];
  const migrated = comment?.startsWith(MARK) ?? false;
  if (filled === 't' && !migrated)
    throw new UnsuitableDatabaseError(
      `Schema ${schema} exists and was not made by Headwater: choose another with --namespace, or another database`,
    );
  return { exists: row !== undefined, migrated, functions: comment?.slice(MARK.length + 1) };
}

async function missingMigrations(
  session: Session,
  quoted: string,
  known: readonly Migration[],
): Promise<readonly Migration[]> {
  const rows = await session.query(
    `SELECT number, name, digest FROM ${quoted}.schema_migrations ORDER BY number`,
  );
  for (const [number, name, digest] of rows) {
    const mine = known[Number(number) - 1];
    if (mine === undefined)
      throw new UnsuitableDatabaseError(
        `The schema is at migration ${rows.at(-1)?.[1]}, and this Headwater knows only up to ${known.at(-1)?.name}: ` +
          'it is older than the one that migrated; install that version or a newer one',
      );
    if (mine.name !== name || mine.digest !== digest)
      throw new UnsuitableDatabaseError(
        `Migration ${name} of the schema is not the one that this Headwater has under that number: it is of another ` +
          'build; install the version that made the schema, or a released one',
      );
  }
  return known.slice(rows.length);
}

async function apply(session: Session, quoted: string, migration: Migration, schema: string): Promise<void> {
  await inTransaction(session, async () => {
    await session.query(migration.for(schema));
    await session.query(
      `INSERT INTO ${quoted}.schema_migrations (number, name, digest) VALUES ($1, $2, $3)`,
      [migration.number, migration.name, migration.digest],
    );
  });
}

/** What tells whether the functions of a schema are those of this build. */
async function functionsDigest(migration: number): Promise<string> {
  const files = await functions();
  return createHash('sha256')
    .update(JSON.stringify([migration, ...files.map((file) => [file.name, file.digest])]))
    .digest('hex');
}

async function replaceFunctions(session: Session, schema: string, digest: string): Promise<void> {
  await inTransaction(session, async () => {
    for (const file of await functions()) await session.query(file.for(schema));
    await session.query(`COMMENT ON TABLE ${quotedSchema(schema)}.schema_migrations IS '${MARK} ${digest}'`);
  });
}

function asMissingRight(schema: string): (error: unknown) => never {
  return (error) => {
    if (sqlstateOf(error) === '42501')
      throw new UnsuitableDatabaseError(
        `The role of DATABASE_URL may not migrate schema ${schema}: run "headwater migrate" once with a role that may ` +
          'create it, or that owns it; after that the role of the service needs no more than the membership in ' +
          'headwater_writer and headwater_reader',
        { cause: error },
      );
    throw error;
  };
}
