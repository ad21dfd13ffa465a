import type { Database } from './database.js';
import { type Ask, quorumProblem, type StandbyState, standbyState } from './durability.js';
import { quotedSchema } from './schema.js';

/** How the log is, as seen from the database. */
export interface LogHealth {
  /**
   * How far the newest event's time is ahead of the database's clock; 0 is well. Since times never run backwards along
   * positions, events get that time until the clock has caught up.
   */
  readonly headAheadSeconds: number;
  /** With durability `quorum`: whether the role may see that a synchronous standby is connected. */
  readonly standbys: StandbyState | undefined;
}

// Less than a look at the health may take, so that the reason is told.
const CONFIRM_MILLISECONDS = 1500;

/**
 * Rejects when the database cannot be used for appends. Takes the connection beside that of the appends, so that many
 * readers do not make the service look ill.
 */
export async function logHealth(
  database: Database,
  schema: string,
  signal?: AbortSignal,
): Promise<LogHealth> {
  const [row] = await database.query(
    'append',
    `SELECT greatest(0, extract(epoch FROM recorded_at - clock_timestamp())), pg_is_in_recovery()
       FROM ${quotedSchema(schema)}.log_head ORDER BY position DESC LIMIT 1`,
    [],
    { signal, unconfirmed: true },
  );
  const [ahead, recovering] = row ?? [];
  if (recovering !== 'f') throw new Error('The database is a standby now, which cannot be written to');
  const standbys = database.durability === 'quorum' ? await checkQuorum(database, signal) : undefined;
  return { headAheadSeconds: Number(ahead), standbys };
}

/** Rejects when an append would not be, or could not be, flushed by a standby. */
async function checkQuorum(database: Database, signal: AbortSignal | undefined): Promise<StandbyState> {
  const ask: Ask = (text) => database.query('append', text, [], { signal, unconfirmed: true });
  const problem = await quorumProblem(ask);
  if (problem !== undefined) {
    // What is committed from now on is nowhere else.
    database.distrust();
    throw new Error(problem);
  }
  const standbys = await standbyState(ask);
  if (standbys === 'MISSING')
    throw new Error('No synchronous standby is connected: appends wait until one is back');
  await database.confirmed(CONFIRM_MILLISECONDS);
  return standbys;
}
