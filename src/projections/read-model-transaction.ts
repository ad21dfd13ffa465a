import { onAbort } from '../core/on-abort.js';
import { borrow, type Borrowed, type SqlClient, type SqlPool } from '../core/sql-client.js';

export interface TransactionOptions {
  /** @default READ COMMITTED */
  readonly isolation?: 'READ COMMITTED' | 'REPEATABLE READ READ ONLY';
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** The connection broke, so that it is not known whether the transaction was committed. */
export class TransactionInDoubtError extends Error {
  override readonly name = 'TransactionInDoubtError';
}

/** Postgres refused the COMMIT: a deferred constraint does not hold, for example. Nothing was kept. */
export class CommitRefusedError extends Error {
  override readonly name = 'CommitRefusedError';
}

/** A transaction that nobody goes on with is ended after so many milliseconds, since others wait for what it has locked. */
const IDLE_MS = 15_000;

/**
 * Runs statements as one transaction on a connection of its own, which is closed instead of given back when it is in doubt
 * what state it is in. All settings end with the transaction, so it works behind PgBouncer.
 */
export async function inTransaction<Client extends SqlClient, Result>(
  pool: SqlPool<Client>,
  options: TransactionOptions,
  run: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { signal } = options;
  signal.throwIfAborted();
  const connection = new Connection(await borrow(pool));
  const { client } = connection;
  const letGo = onAbort(signal, () => connection.release(true));
  try {
    signal.throwIfAborted();
    const result = await begun(connection, options, run);
    await commit(client);
    connection.release(false);
    return result;
  } catch (error) {
    connection.release(true);
    signal.throwIfAborted();
    throw error;
  } finally {
    letGo();
  }
}

async function begun<Client extends SqlClient, Result>(
  connection: Connection<Client>,
  { isolation = 'READ COMMITTED', statementTimeoutMs, lockTimeoutMs }: TransactionOptions,
  run: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { client } = connection;
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
  try {
    await client.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
              set_config('idle_in_transaction_session_timeout', $3, true)`,
      [String(statementTimeoutMs), String(lockTimeoutMs), String(IDLE_MS)],
    );
    return await run(client);
  } catch (error) {
    const rolledBack = await client.query('ROLLBACK').then(
      () => true,
      () => false,
    );
    if (!rolledBack)
      throw new TransactionInDoubtError('The connection to the database was lost', { cause: error });
    connection.release(false);
    throw error;
  }
}

async function commit(client: SqlClient): Promise<void> {
  let command: string | undefined;
  try {
    ({ command } = await client.query('COMMIT'));
  } catch (error) {
    if (isLost(error))
      throw new TransactionInDoubtError('The connection to the database was lost during a COMMIT', {
        cause: error,
      });
    throw new CommitRefusedError(`The COMMIT was refused: ${String(error)}`, { cause: error });
  }
  if (command === 'ROLLBACK')
    throw new CommitRefusedError('The COMMIT was answered with ROLLBACK: a statement had failed');
}

/** Gives a connection back once. */
class Connection<Client extends SqlClient> {
  readonly #borrowed: Borrowed<Client>;
  #released = false;

  constructor(borrowed: Borrowed<Client>) {
    this.#borrowed = borrowed;
  }

  get client(): Client {
    return this.#borrowed.client;
  }

  release(destroy: boolean): void {
    if (this.#released) return;
    this.#released = true;
    this.#borrowed.giveBack(destroy);
  }
}

/** Postgres' code of an error, if it is one of Postgres. */
export function sqlstateOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** No answer of the server, or the server's last words. */
function isLost(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === undefined || /^(08|57P)/.test(state);
}

/**
 * Whether the database is the reason, and not the event that was handled: the connection, its resources, a conflict with
 * another transaction, a server that is only a standby now.
 */
export function isDatabasesFault(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state !== undefined && /^(08|53|57P|40|58|55P03|25006)/.test(state);
}
