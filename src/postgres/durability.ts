/**
 * What an acknowledged append has survived: `local` the disk of the primary, `quorum` also that of a synchronous standby.
 */
export type Durability = 'local' | 'quorum';

/** A statement on one connection. */
export type Ask = (text: string) => Promise<readonly (string | null)[][]>;

const SETTINGS = `SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')`;

/** The levels at which a commit waits until a standby has flushed it. */
const FLUSHED = new Set(['on', 'remote_apply']);

/** In a sentence, why commits on this connection would not wait for a standby's disk; `undefined` if they do. */
export async function quorumProblem(ask: Ask): Promise<string | undefined> {
  const [row] = await ask(SETTINGS);
  const [names, commit] = row ?? [];
  if (names?.trim() === '')
    return (
      'Durability "quorum" needs a synchronous standby, and synchronous_standby_names is empty: name one on the server, ' +
      "for example ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)', or serve with --durability local"
    );
  if (!FLUSHED.has(commit ?? ''))
    return (
      `Durability "quorum" needs synchronous_commit "on" or "remote_apply", and it is "${commit}": set it for the role of ` +
      'DATABASE_URL with ALTER ROLE … SET synchronous_commit = on, or serve with --durability local'
    );
  return undefined;
}

/** Whether commits find somebody to wait for. */
export type StandbyState =
  | 'CONNECTED'
  /** Commits hang until one is back. */
  | 'MISSING'
  /** The role may not see it; a member of pg_read_all_stats may. */
  | 'HIDDEN';

/** Looks for a synchronous standby that streams. */
export async function standbyState(ask: Ask): Promise<StandbyState> {
  const [row] = await ask(
    `SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming'),
            pg_has_role('pg_read_all_stats', 'USAGE')
       FROM pg_stat_replication`,
  );
  const [connected, synchronous, seen] = row ?? [];
  // To others each standby is a row without its state.
  if (seen !== 't') return connected === '0' ? 'MISSING' : 'HIDDEN';
  return synchronous === '0' ? 'MISSING' : 'CONNECTED';
}

/**
 * What makes a commit wait for the standbys, so that they have all that was committed before it as well. Writes a few
 * bytes of WAL and no table.
 */
export const WAIT_FOR_STANDBY = `SELECT pg_logical_emit_message(true, 'headwater', 'barrier')`;
