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

/**
 * Hears that a connection broke until the function that it gives is called. A pool of `pg` does so for those that it has, and
 * of one in use nobody does: unheard it would end the process, beside the rejection of the statement. One that is destroyed
 * may still tell why, so let go only of one that is given back.
 */
export function hearErrors(client: SqlClient): () => void {
  const emitting = client as Emitting;
  const hear = () => undefined;
  emitting.on?.('error', hear);
  return () => void emitting.off?.('error', hear);
}

interface Emitting {
  on?(event: 'error', listener: () => void): unknown;
  off?(event: 'error', listener: () => void): unknown;
}

/** Where connections come from. A `Pool` of the package `pg` is one as it is. */
export interface SqlPool<Client extends SqlClient = SqlClient> {
  connect(): Promise<Client>;
}
