import { randomBytes } from 'node:crypto';
import { Pool, type PoolConfig } from 'pg';
import { inject } from 'vitest';
import type { TestStore } from '../../support/test-database.js';
import { projectionsOn } from '../../postgres/projections/projections-on.js';
import { followed, type FollowedLog } from '../followed-log.js';

/** A log in Postgres, and another place in it for read models. */
export interface ReadModelDatabase extends FollowedLog {
  readonly pool: Pool;
  /** For the read model's own schema, and for the checkpoints. */
  readonly schema: string;
  readonly checkpointSchema: string;
  rows(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openReadModelDatabase(logs: {
  open(): Promise<TestStore>;
}): Promise<ReadModelDatabase> {
  const opened = await logs.open();
  const suffix = randomBytes(6).toString('hex');
  const [schema, checkpointSchema] = [`model_${suffix}`, `checkpoints_${suffix}`];
  const pool = newPool(inject('connection'));
  const log = followed(opened.store, projectionsOn(opened, 1_500));
  const rows = async (sql: string, values: readonly unknown[] = []) =>
    (await pool.query<Record<string, unknown>>(sql, [...values])).rows;
  return {
    ...log,
    pool,
    schema,
    checkpointSchema,
    rows,
    close: async () => {
      await log.stop();
      const left = await rows('SELECT nspname FROM pg_namespace WHERE nspname LIKE $1', [`%${suffix}%`]);
      for (const { nspname } of left) await pool.query(`DROP SCHEMA "${String(nspname)}" CASCADE`);
      await pool.end();
      await opened.close();
    },
  };
}

/** Connections that are cut in tests say so to nobody. */
export function newPool(config: PoolConfig): Pool {
  const pool = new Pool({ ...config, max: 6 });
  pool.on('error', () => undefined);
  return pool;
}
