import type pg from 'pg';
import { statOf, titleOf } from './processes.js';

/**
 * The process that all of the server's are children of, when the server runs on this machine and its processes can be seen;
 * what calls itself a backend of our user and database is not another one that happens to have its number.
 */
export async function findPostmaster(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number; name: string; database: string }>(
    'SELECT pg_backend_pid() AS pid, session_user AS name, current_database() AS database',
  );
  const [backend] = rows;
  if (!backend) return undefined;
  const title = titleOf(backend.pid) ?? '';
  if (!title.startsWith('postgres:') || !title.includes(`${backend.name} ${backend.database} `))
    return undefined;
  return statOf(backend.pid)?.parent;
}
