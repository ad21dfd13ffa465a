import type { CallOptions } from '../core/call-options.js';
import { InvalidRequestError } from '../core/errors.js';
import { borrow, type SqlClient, type SqlPool, type SqlResult } from '../core/sql-client.js';
import { nameProblem } from '../core/validate.js';
import { type AllOptions, checkedAll, type Entity, type Repository } from './repository.js';

/** What statements are run on: a pool, or one connection, such as that of a transaction. */
export type SqlSource = SqlPool | Pick<SqlClient, 'query'>;

/** What two get that make the same table at once: of the catalogue's index, of the table's name, or of its row type's. */
const MADE_BY_ANOTHER = new Set<unknown>(['23505', '42P07', '42710']);

export interface SqlRepositoryOptions {
  /** Of the entities: lower-case letters, digits and `_`, at most 63; with a schema in front and a dot, if it is to be in one. */
  readonly table: string;
}

/**
 * Entities as JSON in a table of the user's own Postgres: `id text primary key`, `value jsonb`, and no more, so that it can be
 * joined, indexed and looked at with SQL. Inside the transaction of a read model, `on(client)` writes together with its
 * position. What JSON cannot say is refused by `JSON.stringify` or lost by it: keep plain data.
 *
 * @example
 * const accounts = new SqlRepository<AccountRow>(pool, { table: 'accounts' });
 * await accounts.init();
 * await accounts.on(client).upsert({ id: 'a-1', balance: 100 });
 */
export class SqlRepository<T extends Entity> implements Repository<T> {
  readonly #source: SqlSource;
  readonly #options: SqlRepositoryOptions;
  readonly #table: string;

  /** Throws `TypeError` for a table name that would have to be guessed at. */
  constructor(source: SqlSource, options: SqlRepositoryOptions) {
    if (!/^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$/.test(options.table))
      throw new TypeError(
        `The table ${JSON.stringify(options.table)} must be of lower-case letters, digits and _, with a schema in front or without`,
      );
    this.#source = source;
    this.#options = options;
    this.#table = options.table
      .split('.')
      .map((part) => `"${part}"`)
      .join('.');
  }

  /** The same repository on another connection. */
  on(source: SqlSource): SqlRepository<T> {
    return new SqlRepository<T>(source, this.#options);
  }

  /** Makes the table where it is not there. */
  async init(options: CallOptions = {}): Promise<void> {
    const sql = `CREATE TABLE IF NOT EXISTS ${this.#table} (id text COLLATE "C" PRIMARY KEY, value jsonb NOT NULL)`;
    try {
      await this.#run(sql, [], options);
    } catch (error) {
      // Two that make it at the same time both find that it is not there; then one of them fails.
      const { code } = error as { readonly code?: unknown };
      if (!isPool(this.#source) || !MADE_BY_ANOTHER.has(code)) throw error;
      await this.#run(sql, [], options);
    }
  }

  /** Deletes the table with all that is in it, where it is there. */
  async drop(options: CallOptions = {}): Promise<void> {
    await this.#run(`DROP TABLE IF EXISTS ${this.#table}`, [], options);
  }

  async byId(id: string, options: CallOptions = {}): Promise<T | undefined> {
    const sql = `SELECT value FROM ${this.#table} WHERE id = $1`;
    const { rows } = await this.#run(sql, [id], options);
    return rows[0] === undefined ? undefined : entityOf<T>(rows[0]);
  }

  async *all(options: AllOptions = {}): AsyncGenerator<T, void, undefined> {
    const { limit, pageSize, after } = checkedAll(options);
    const sql = `SELECT id, value FROM ${this.#table} WHERE id > $1 ORDER BY id LIMIT $2`;
    let last = after ?? '';
    for (let left = limit; left > 0; ) {
      const { rows } = await this.#run(sql, [last, Math.min(left, pageSize)], options);
      for (const row of rows) yield entityOf<T>(row);
      if (rows.length < pageSize) return;
      left -= rows.length;
      last = rows.at(-1)?.['id'] as string;
    }
  }

  async upsert(entity: T, options: CallOptions = {}): Promise<void> {
    const problem = nameProblem(entity.id);
    if (problem !== undefined) throw new InvalidRequestError([{ field: 'id', description: problem }]);
    const sql = `INSERT INTO ${this.#table} (id, value) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET value = EXCLUDED.value`;
    await this.#run(sql, [entity.id, JSON.stringify(entity)], options);
  }

  async remove(id: string, options: CallOptions = {}): Promise<boolean> {
    const { rows } = await this.#run(`DELETE FROM ${this.#table} WHERE id = $1 RETURNING id`, [id], options);
    return rows.length > 0;
  }

  async #run(sql: string, values: readonly unknown[], { signal }: CallOptions): Promise<SqlResult> {
    signal?.throwIfAborted();
    if (!isPool(this.#source)) return this.#source.query(sql, values);
    const { client, giveBack } = await borrow(this.#source);
    let failed = true;
    try {
      const result = await client.query(sql, values);
      failed = false;
      return result;
    } finally {
      giveBack(failed);
    }
  }
}

/** A client of `pg` has `connect` as well, for those that are not of a pool. */
function isPool(source: SqlSource): source is SqlPool {
  return 'connect' in source && !('release' in source);
}

/** A driver may be set to leave jsonb as text. */
function entityOf<T>({ value }: Readonly<Record<string, unknown>>): T {
  return (typeof value === 'string' ? JSON.parse(value) : value) as T;
}
