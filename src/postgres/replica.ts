import pg from 'pg';
import { patience } from '../core/call-options.js';
import { LogEpochChangedError, PositionNotReachedError, StoreUnavailableError } from '../core/errors.js';
import type { LogHead } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import type { BinaryRows } from './gathered-rows.js';
import type { BinaryQueryOptions, Database, PoolName, Queries, QueryOptions, Row } from './database.js';
import { quotedSchema } from './schema.js';
import { failureOf } from './sqlstate.js';

/** How one load reads from a replica. */
export interface ReplicaReadsOptions {
  /** The replica, or an address behind which there are several. */
  readonly database: Database;
  readonly schema: string;
  readonly runtime: Runtime;
  /**
   * How far the replica must have come.
   * @default wherever it is
   */
  readonly minPosition?: LogPosition | undefined;
  /**
   * Milliseconds that the caller waits.
   * @default 5000, for each statement
   */
  readonly timeoutMilliseconds?: number | undefined;
}

const DEFAULT_MILLISECONDS = 5000;
const SHORTEST_PAUSE = 2;
const LONGEST_PAUSE = 50;
// What a replica says that has not replayed the migrations yet: no such schema, table, function, column.
const NOT_THERE = new Set(['3F000', '42P01', '42883', '42703']);

/**
 * The statements of one load on a replica. Each asserts, in its own snapshot, how far the log has come there, since the next
 * one may reach another replica; while it has not, it is tried again until shortly before the caller's time is over.
 *
 * What the replica cannot answer is not asked of the primary instead: a replica is there to take load off it, and would
 * put all of it back at the worst moment.
 */
export class ReplicaReads implements Queries {
  readonly life = 0;
  readonly #options: ReplicaReadsOptions;
  readonly #deadline: number | undefined;
  #wanted: LogPosition;

  constructor(options: ReplicaReadsOptions) {
    const { minPosition, runtime, timeoutMilliseconds } = options;
    this.#options = options;
    this.#wanted = minPosition ?? { position: 0n };
    if (timeoutMilliseconds !== undefined)
      this.#deadline = runtime.monotonic() + patience(timeoutMilliseconds);
  }

  pin(head: LogHead): void {
    this.#wanted = head;
  }

  query(
    pool: PoolName,
    text: string,
    values: readonly unknown[],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    const { database } = this.#options;
    return this.#asserted(text, values, options, (...asserted) => database.query(pool, ...asserted));
  }

  queryBinary(
    pool: 'read',
    text: string,
    values: readonly unknown[],
    options: BinaryQueryOptions = {},
  ): Promise<BinaryRows> {
    const { database } = this.#options;
    return this.#asserted(text, values, options, (...asserted) => database.queryBinary(pool, ...asserted));
  }

  async #asserted<T, Options extends QueryOptions>(
    text: string,
    values: readonly unknown[],
    options: Options,
    send: (text: string, values: readonly unknown[], options: Options) => Promise<T>,
  ): Promise<T> {
    const { runtime, schema } = this.#options;
    const deadline = this.#deadline ?? runtime.monotonic() + patience(DEFAULT_MILLISECONDS);
    const { position, epoch = 0n } = this.#wanted;
    // Depends on no row, so it is evaluated once and before any, and with the snapshot of all the rest.
    const asserted =
      `SELECT q.* FROM (${text}) q ` +
      `WHERE ${quotedSchema(schema)}.assert_reached($${values.length + 1}::bigint, $${values.length + 2}::bigint)`;
    for (let pause = SHORTEST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
      try {
        return await send(asserted, [...values, String(position), String(epoch)], options);
      } catch (error) {
        const reached = reachedOf(error, position, epoch);
        const left = deadline - runtime.monotonic();
        if (left <= 0) throw new PositionNotReachedError(position, reached);
        await runtime.sleep(Math.min(pause, left), options.signal);
      }
    }
  }
}

/** How far the replica is, if that is what the error says; throws what else it means. */
function reachedOf(error: unknown, position: bigint, epoch: bigint): bigint {
  const { code, detail = '' } = error instanceof pg.DatabaseError ? error : {};
  if (code === 'ZH101') return BigInt(detail);
  if (code === 'ZH102') {
    const [kept = '0', current = '0'] = detail.split(' ');
    throw new LogEpochChangedError(position, epoch, BigInt(kept), BigInt(current));
  }
  if (code === '40001')
    throw new StoreUnavailableError('The replica gave up the read to follow the primary; try again', {
      cause: error,
    });
  if (code !== undefined && NOT_THERE.has(code))
    throw new StoreUnavailableError('The replica does not have this log, or not in this version, yet', {
      cause: error,
    });
  if (failureOf(error) === 'CONNECTION')
    throw new StoreUnavailableError(
      'The replica does not answer; try again, or read without min_position and stale_ok from the primary',
      { cause: error },
    );
  throw error;
}
