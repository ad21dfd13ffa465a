import type { Stage } from './stage.js';

/**
 * Does now what the rows before have left to be done later: flushes what they dirtied, and vacuums and analyses what they filled,
 * so that neither a checkpoint nor autovacuum that is due to one row falls into the next. Gives what the server refuses.
 */
export async function settle({
  postgres,
  schema,
  floorSchema,
  composedSchema,
}: Stage): Promise<string | undefined> {
  const client = await postgres.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables
       WHERE schemaname = ANY ($1) AND n_ins_since_vacuum + n_mod_since_analyze + n_dead_tup > 0`,
      [[schema, floorSchema, composedSchema]],
    );
    for (const { name } of rows) await client.query(`VACUUM (ANALYZE) ${name}`);
    await client.query('CHECKPOINT');
    return undefined;
  } catch (error) {
    // A checkpoint needs the role pg_checkpoint.
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end();
  }
}
