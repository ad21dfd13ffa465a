import { createHash } from 'node:crypto';
import { checkServer, UnsuitableDatabaseError } from './check-server.js';
import type { Database, Session } from './database.js';
import { quotedSchema } from './schema.js';
import { functions, type Migration, migrations } from './sql-files.js';
import { sqlstateOf } from './sqlstate.js';

/** What `migrate` found and did. */
export interface MigrationReport {
  /** For example "15.18". */
  readonly serverVersion: string;
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
 */
export async function migrate(database: Database, schema: string): Promise<MigrationReport> {
  return database.withSession(async (session) => {
    const serverVersion = await checkServer(session);
    const quoted = quotedSchema(schema);
    await session.query(`SET lock_timeout = '${LOCK_WAIT}'`);
    await session.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_CLASS, schema]);
    await refuseForeign(session, schema);
    await session.query(`CREATE SCHEMA IF NOT EXISTS ${quoted}`).catch(asMissingRight(schema));
    await session
      .query(
        `CREATE TABLE IF NOT EXISTS ${quoted}.schema_migrations (number integer PRIMARY KEY, name text NOT NULL, ` +
          'digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
      )
      .catch(asMissingRight(schema));
    const known = await migrations();
    const missing = await missingMigrations(session, quoted, known);
    for (const migration of missing) await apply(session, quoted, migration, schema);
    const functionsReplaced = await replaceFunctions(session, schema, known.length);
    const roles = await grant(session, schema);
    await session.query(`SELECT * FROM ${quoted}.open_log()`);
    return { serverVersion, applied: missing.map(({ name }) => name), functionsReplaced, roles };
  });
}

/** A schema of that name that somebody else filled is left alone. */
async function refuseForeign(session: Session, schema: string): Promise<void> {
  const [row] = await session.query(
    `SELECT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid),
            EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'schema_migrations'
                       AND obj_description(n.oid, 'pg_namespace') LIKE 'Headwater%')
       FROM pg_namespace n WHERE n.nspname = $1`,
    [schema],
  );
  if (row?.[0] === 't' && row[1] !== 't')
    throw new UnsuitableDatabaseError(
      `Schema ${schema} exists and was not made by Headwater: choose another with --schema, or another database`,
    );
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
    await session.query(
      `COMMENT ON SCHEMA ${quoted} IS 'Headwater: an event log (migration ${migration.number})'`,
    );
  });
}

/** Replaces all functions when one differs from what the schema's table function_digest remembers. */
async function replaceFunctions(session: Session, schema: string, migration: number): Promise<boolean> {
  const quoted = quotedSchema(schema);
  const files = await functions();
  const digest = createHash('sha256')
    .update(JSON.stringify([migration, ...files.map((file) => [file.name, file.digest])]))
    .digest('hex');
  const [[present] = [null]] = await session.query(
    `SELECT obj_description(to_regclass($1)::oid, 'pg_class')`,
    [`${schema}.schema_migrations`],
  );
  if (present === `functions ${digest}`) return false;
  await inTransaction(session, async () => {
    for (const file of files) await session.query(file.for(schema));
    await session.query(`COMMENT ON TABLE ${quoted}.schema_migrations IS 'functions ${digest}'`);
  });
  return true;
}

/**
 * Makes the roles where that is allowed, and gives the functions that write to headwater_writer, as which they run:
 * whoever calls them, they can insert and not change events. EXECUTE is taken from PUBLIC.
 */
async function grant(session: Session, schema: string): Promise<boolean> {
  const quoted = quotedSchema(schema);
  const revoke = `REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${quoted} FROM PUBLIC`;
  for (const role of ['headwater_writer', 'headwater_reader']) {
    const [row] = await session.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
    if (row !== undefined) continue;
    try {
      await session.query(`CREATE ROLE ${role} NOLOGIN`);
    } catch (error) {
      // Another migrator, of another database of this server, may have been faster.
      if (sqlstateOf(error) === '42710' || sqlstateOf(error) === '23505') continue;
      if (sqlstateOf(error) !== '42501') throw error;
      await session.query(revoke);
      return false;
    }
  }
  try {
    await inTransaction(session, async () => {
      await session.query(revoke);
      await session.query(`GRANT USAGE ON SCHEMA ${quoted} TO headwater_writer, headwater_reader`);
      await session.query(
        `GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted} TO headwater_writer, headwater_reader`,
      );
      await session.query(`GRANT INSERT ON ${quoted}.events, ${quoted}.event_tags TO headwater_writer`);
      await session.query(
        `GRANT INSERT, UPDATE ON ${quoted}.streams, ${quoted}.log_head, ${quoted}.epochs TO headwater_writer`,
      );
      await session.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${quoted} TO headwater_writer`);
      await session.query(
        `GRANT EXECUTE ON FUNCTION ${quoted}.position_before, ${quoted}.json_or_null TO headwater_reader`,
      );
    });
    await inTransaction(session, async () => {
      // To give a function away one must be a member of the role, and the role may create in the schema.
      await session.query(`GRANT CREATE ON SCHEMA ${quoted} TO headwater_writer`);
      await session.query(`ALTER FUNCTION ${quoted}.append OWNER TO headwater_writer`);
      await session.query(`ALTER FUNCTION ${quoted}.open_log OWNER TO headwater_writer`);
      await session.query(`REVOKE CREATE ON SCHEMA ${quoted} FROM headwater_writer`);
    });
    return true;
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error;
    return false;
  }
}

async function inTransaction(session: Session, work: () => Promise<void>): Promise<void> {
  await session.query('BEGIN');
  try {
    await work();
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function asMissingRight(schema: string): (error: unknown) => never {
  return (error) => {
    if (sqlstateOf(error) === '42501')
      throw new UnsuitableDatabaseError(
        `The role of DATABASE_URL may not create in schema ${schema}: grant it CREATE on the database, or let ` +
          '"headwater migrate" run with a role that has it',
        { cause: error },
      );
    throw error;
  };
}
