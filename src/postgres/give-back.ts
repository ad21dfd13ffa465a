import pg from 'pg';
import { HeadwaterError } from '../core/errors.js';

/** A plain refusal leaves the connection as good as it was; and so does what is ours. */
export function leavesUnharmed(error: unknown): boolean {
  return error instanceof HeadwaterError || (error instanceof pg.DatabaseError && error.severity === 'ERROR');
}

/** A broken one is cut off at once: what it still waits for may never come, and one that is pipelined would wait for it. */
export function giveBack(client: pg.PoolClient, broken: boolean): void {
  if (broken) client.connection.stream.destroy();
  client.release(broken);
}
