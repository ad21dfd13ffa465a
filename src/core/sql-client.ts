/** Rows as a driver gives them; what a column holds depends on its type and the driver's settings. */
export interface SqlResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** What Postgres says that it did, `COMMIT` or `ROLLBACK` among others, if the driver tells. */
  readonly command?: string;
}

/**
 * One connection to the caller's own Postgres, held until it is released. A `PoolClient` of the package `pg` is one as it
 * is; this library does not import `pg`.
 */
export interface SqlClient {
  /** Runs a statement with `$1`, `$2` … bound to the values. Rejects with the driver's error. */
  query(text: string, values?: readonly unknown[]): Promise<SqlResult>;
  /** Gives it back. `true` closes it instead, after a failure that leaves in doubt what state it is in. */
  release(destroy?: boolean): void;
}

/** Where connections come from. A `Pool` of the package `pg` is one as it is. */
export interface SqlPool<Client extends SqlClient = SqlClient> {
  connect(): Promise<Client>;
}

/** A connection in use. */
export interface Borrowed<Client extends SqlClient> {
  readonly client: Client;
  /** To be called once; `true` closes it instead. */
  readonly giveBack: (destroy: boolean) => void;
}

/**
 * Takes a connection of the pool, and hears that it broke. A pool of `pg` does so for those that it has, and of one in use
 * nobody does: unheard it would end the process, beside the rejection of the statement. One that is destroyed may still tell
 * why, so that it is heard for ever.
 */
export async function borrow<Client extends SqlClient>(pool: SqlPool<Client>): Promise<Borrowed<Client>> {
  hearNew(pool);
  const client = await pool.connect();
  const emitting = client as Emitting;
  emitting.on?.('error', hear);
  const giveBack = (destroy: boolean) => {
    if (!destroy) emitting.off?.('error', hear);
    client.release(destroy);
  };
  return { client, giveBack };
}

const heardPools = new WeakSet<SqlPool>();

/** Who waits for a new connection has it a moment later, and the server may have ended it in the same bytes that made it. */
function hearNew(pool: SqlPool): void {
  if (heardPools.has(pool)) return;
  heardPools.add(pool);
  (pool as Emitting).on?.('connect', (client) => client?.on?.('error', hear));
}

/** Added for a new connection and for each who borrows it; of those `off` takes one away. */
function hear(): void {}

interface Emitting {
  on?(event: 'error' | 'connect', listener: (client?: Emitting) => void): unknown;
  off?(event: 'error', listener: () => void): unknown;
}
