import type { Session } from './database.js';
import { quotedSchema } from './schema.js';
import { inTransaction } from './session-transaction.js';
import { sqlstateOf } from './sqlstate.js';

const ROLES = ['headwater_writer', 'headwater_reader', 'headwater_eraser'];
const GROUP_TABLES = ['consumer_groups', 'group_slots', 'group_members', 'group_streams', 'group_acks'];
/** May call the public functions of SQL, and nothing else: a team's own role, whose members are not trusted with tables. */
const APPENDER = 'headwater_appender';
/** What writes runs as these roles, whoever calls it. */
const OWNED: Readonly<Record<string, readonly string[]>> = {
  headwater_writer: [
    'append',
    'append_foreseen',
    'append_single',
    'load',
    'staged_due',
    'staged_commit',
    'open_log',
    'save_snapshot',
    'delete_snapshots',
    'acquire_projection',
    'report_projection',
    'save_projection',
    'promote_projection',
    'release_projection',
    'change_projection',
    'delete_projection',
    'retry_aggregates',
    'group_create',
    'group_update',
    'group_delete',
    'group_reset',
    'group_replay',
    'group_join',
    'group_beat',
    'ack',
  ],
  headwater_eraser: ['change_stream', 'sweep_stream', 'streams_to_sweep', 'empty_events'],
};
/** What empties events must not be called but by what decides about it. */
const NOT_FOR_WRITERS = ['empty_events'];
const FOR_READERS = [
  'position_before',
  'assert_reached',
  'json_or_null',
  'first_kept',
  'erasure_pending',
  'is_erasing',
  'first_match',
  'version_at',
  'find_command',
  'stream_windows',
  'load_aggregates',
  'load',
];

/**
 * Makes the roles where that is allowed, and gives the functions that write to them: whoever calls them, appends can
 * insert and not change events, and what can empty events cannot be called directly. EXECUTE is taken from PUBLIC.
 */
export async function grant(session: Session, schema: string): Promise<void> {
  const quoted = quotedSchema(schema);
  const revoke = `REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${quoted} FROM PUBLIC`;
  for (const role of [...ROLES, APPENDER]) {
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
  const all = ROLES.join(', ');
  try {
    await inTransaction(session, async () => {
      await session.query(revoke);
      await session.query(`GRANT USAGE ON SCHEMA ${quoted} TO ${all}`);
      await session.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted} TO ${all}`);
      await session.query(`GRANT INSERT ON ${quoted}.events, ${quoted}.event_tags TO headwater_writer`);
      await session.query(`GRANT INSERT, UPDATE ON ${quoted}.events TO headwater_eraser`);
      await session.query(`GRANT DELETE ON ${quoted}.event_tags TO headwater_eraser`);
      await session.query(
        `GRANT INSERT, UPDATE ON ${quoted}.streams, ${quoted}.log_head, ${quoted}.epochs TO headwater_writer, headwater_eraser`,
      );
      await session.query(`GRANT INSERT ON ${quoted}.commands TO headwater_writer`);
      await session.query(`GRANT UPDATE ON ${quoted}.commands TO headwater_eraser`);
      await session.query(`GRANT INSERT, UPDATE, DELETE ON ${quoted}.snapshots TO headwater_writer`);
      await session.query(`GRANT DELETE ON ${quoted}.snapshots TO headwater_eraser`);
      await session.query(
        `GRANT INSERT, UPDATE, DELETE ON ${quoted}.projections, ${quoted}.projection_generations,
           ${quoted}.projection_aggregates TO headwater_writer`,
      );
      await session.query(
        `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${quoted} TO headwater_writer, headwater_eraser`,
      );
      await session.query(
        `GRANT INSERT, UPDATE, DELETE ON ${quoted}.staged_appends, ${quoted}.staged_events TO headwater_writer`,
      );
      for (const table of GROUP_TABLES)
        await session.query(`GRANT INSERT, UPDATE, DELETE ON ${quoted}.${table} TO headwater_writer`);
      await session.query(`GRANT USAGE ON SCHEMA ${quoted} TO ${APPENDER}`);
      await session.query(
        `GRANT EXECUTE ON FUNCTION ${quoted}.append(text, text, text, jsonb, jsonb), ${quoted}.ack(text, text, bigint) TO ${APPENDER}`,
      );
      for (const name of await signatures(session, schema, NOT_FOR_WRITERS))
        await session.query(`REVOKE EXECUTE ON FUNCTION ${name} FROM headwater_writer`);
      for (const name of await signatures(session, schema, FOR_READERS))
        await session.query(`GRANT EXECUTE ON FUNCTION ${name} TO headwater_reader`);
    });
    await inTransaction(session, async () => {
      // To give a function away one must be a member of the role, and the role may create in the schema.
      for (const [role, names] of Object.entries(OWNED)) {
        await session.query(`GRANT CREATE ON SCHEMA ${quoted} TO ${role}`);
        for (const name of await signatures(session, schema, names))
          await session.query(`ALTER FUNCTION ${name} OWNER TO ${role}`);
        await session.query(`REVOKE CREATE ON SCHEMA ${quoted} FROM ${role}`);
      }
    });
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error;
  }
}

/** The functions of these names, each with its parameters, quoted. */
async function signatures(
  session: Session,
  schema: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = ANY ($2::text[]) ORDER BY 1`,
    [schema, names],
  );
  return rows.map(([signature]) => signature ?? '');
}

/** Whether appends run as headwater_writer; if not, as the role that migrated. */
export async function runsAsWriter(session: Session, schema: string): Promise<boolean> {
  const [row] = await session.query(
    `SELECT bool_and(pg_get_userbyid(p.proowner) = 'headwater_writer') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = 'append'`,
    [schema],
  );
  return row?.[0] === 't';
}
