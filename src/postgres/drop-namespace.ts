import { NamespaceNotFoundError } from '../core/errors.js';
import type { Database, Session } from './database.js';
import { lockForMigration, MARK } from './migrate.js';
import { quotedSchema } from './schema.js';
import { inTransaction } from './session-transaction.js';
import { sqlstateOf } from './sqlstate.js';

/** The channel on which a drop is told to the other instances: they look which of their namespaces are still there. */
export const DROPPED_CHANNEL = 'headwater';

/** How often it is tried, when the server undoes it in favour of others. */
const ATTEMPTS = 5;

/**
 * Drops a schema of Headwater's with all that is in it, and answers the bytes that its tables took. Nobody migrates it
 * meanwhile. Throws `NamespaceNotFoundError` if it is not there.
 */
export async function dropNamespace(database: Database, schema: string): Promise<bigint> {
  return database.withSession(async (session) => {
    await lockForMigration(session, schema);
    const [row] = await session.query(
      `SELECT (SELECT sum(pg_total_relation_size(t.oid))::bigint FROM pg_class t
                WHERE t.relnamespace = n.oid AND t.relkind IN ('r', 'm'))
         FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'schema_migrations'
        WHERE n.nspname = $1 AND starts_with(obj_description(c.oid, 'pg_class'), '${MARK}')`,
      [schema],
    );
    if (row === undefined) throw new NamespaceNotFoundError(schema);
    for (let attempt = 1; ; attempt++) {
      try {
        await drop(session, schema);
        break;
      } catch (error) {
        // A read of another instance held one table and waited for another.
        if (sqlstateOf(error) !== '40P01' || attempt === ATTEMPTS) throw error;
      }
    }
    return BigInt(row[0] ?? 0);
  });
}

async function drop(session: Session, schema: string): Promise<void> {
  const quoted = quotedSchema(schema);
  await inTransaction(session, async () => {
    // Where there is a head, appends of other instances take it first, so behind it none can hold what the drop needs
    // and wait for what the drop has.
    const [head] = await session.query("SELECT to_regclass($1 || '.log_head') IS NOT NULL", [quoted]);
    if (head?.[0] === 't') await session.query(`LOCK TABLE ${quoted}.log_head IN ACCESS EXCLUSIVE MODE`);
    await session.query(`DROP SCHEMA ${quoted} CASCADE`);
    await session.query('SELECT pg_notify($1, $2)', [DROPPED_CHANNEL, schema]);
  });
}
