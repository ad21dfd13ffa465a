import type { Session } from './database.js';
import { quotedSchema } from './schema.js';
import { inTransaction } from './session-transaction.js';
import { sqlstateOf } from './sqlstate.js';

/**
 * Makes the roles where that is allowed, and gives the functions that write to headwater_writer, as which they run:
 * whoever calls them, they can insert and not change events. EXECUTE is taken from PUBLIC.
 */
export async function grant(session: Session, schema: string): Promise<void> {
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
      return;
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
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error;
  }
}

/** Whether appends run as headwater_writer; if not, as the role that migrated. */
export async function runsAsWriter(session: Session, schema: string): Promise<boolean> {
  const [row] = await session.query(
    `SELECT pg_get_userbyid(p.proowner) = 'headwater_writer' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = 'append'`,
    [schema],
  );
  return row?.[0] === 't';
}
