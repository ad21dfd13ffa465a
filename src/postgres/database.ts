import { hash } from 'node:crypto';
import pg from 'pg';
import { OverloadedError } from '../core/errors.js';
import type { LogHead } from '../core/log.js';
import { onAbort } from '../core/on-abort.js';
import { BinaryRowsQuery } from './binary-rows.js';
import { type Durability, quorumProblem, WAIT_FOR_STANDBY } from './durability.js';
import type { BinaryRows, Pieces } from './gathered-rows.js';
import { giveBack, leavesUnharmed } from './give-back.js';
import { Lane } from './lane.js';
import { notReplicated, ReplicationWatch } from './replication-watch.js';
import { rowStream } from './row-socket.js';
import { identify, NotConfirmedError, type ServerIdentity, ServerLives } from './server-lives.js';
import { TextRowsQuery } from './text-rows.js';

/** Where the database is, and how it is used. */
export interface DatabaseOptions {
  /** A URL, or the parts of one. */
  readonly connection: { readonly connectionString: string } | ConnectionParts;
  /**
   * Connections for reading, all namespaces together; others append, and one listens.
   * @default 8
   */
  readonly readConnections?: number;
  /**
   * Connections for appending, all namespaces together; one namespace alone uses one or two.
   * @default 8
   */
  readonly appendConnections?: number;
  /**
   * Milliseconds to wait for a connection.
   * @default 5000
   */
  readonly connectTimeoutMilliseconds?: number;
  /**
   * Milliseconds for one statement, a commit included.
   * @default 30000
   */
  readonly statementTimeoutMilliseconds?: number;
  /**
   * What an acknowledged append has survived. With `quorum` nothing is answered after a restart of the server before a
   * synchronous standby has all that it shows.
   * @default "local"
   */
  readonly durability?: Durability;
  /**
   * The server may be a standby: for reads that may be behind.
   * @default false: connections that lead to a standby, or to a primary that was replaced, are refused
   */
  readonly replica?: boolean;
  /** Told of a connection that broke while idle. */
  readonly onConnectionLost?: (error: Error) => void;
}

export interface ConnectionParts {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
}

/** A row: all columns as text, as they came. */
export type Row = (string | null)[];

export type PoolName = 'append' | 'read';

/** One statement's way through the database. */
export interface QueryOptions {
  /** Rejects at once when aborted; the statement itself runs on to its end and its connection goes back then. */
  readonly signal?: AbortSignal | undefined;
  /** @default the database's */
  readonly timeoutMilliseconds?: number;
  /**
   * Also while no standby has confirmed what the server shows: for looking after it.
   * @default false
   */
  readonly unconfirmed?: boolean;
  /**
   * The statement stays parsed and planned in its connection: for few texts that run again and again. Where a pooler hands the
   * connection's session to others, who do not know it, it goes on without. The value begins its name there, at most 30 characters.
   * @default the statement is parsed each time
   */
  readonly prepared?: string | undefined;
}

export interface BinaryQueryOptions extends QueryOptions {
  /**
   * Who is given rows while the statement still runs; the answer has the rest.
   * @default nobody: the answer has all rows
   */
  readonly pieces?: Pieces;
}

/** What statements are run by: the database, or a view of it. */
export interface Queries extends Pick<Database, 'query' | 'queryBinary' | 'life'> {
  /** What is read from now on must have come as far as this head. */
  readonly pin?: (head: LogHead) => void;
}

/** Set by `SET` where there is a session of one's own; a server's own settings win where it refuses. */
const SESSION =
  '-c client_connection_check_interval=1000 -c idle_in_transaction_session_timeout=60000 -c DateStyle=ISO';
// Pages are read in the order of an index and cut by LIMIT. While a young table has no statistics yet, the planner takes it
// for small and would gather and sort all that remains of the log for each page: 49 ms instead of 5 for 1,000 events of
// 100,000, and worse with every further event.
const IN_INDEX_ORDER = '-c enable_seqscan=off -c enable_bitmapscan=off';
const WAITING = 1000;
/** A prepared statement is not there, or there is one of that name already. */
const NOT_PREPARED = new Set(['26000', '42P05']);
/**
 * The only way to the driver. After a time-out or an error of the connection a client is thrown away, never given to the
 * next borrower, who would inherit an open transaction; appends, reads and listening have connections of their own, so
 * that none starves the other.
 */
export class Database {
  readonly #pools: Record<PoolName, pg.Pool>;
  readonly #config: pg.ClientConfig;
  readonly #timeout: number;
  readonly #connectTimeout: number;
  readonly #lives: ServerLives | undefined;
  /** The life of the server to which a connection leads. */
  readonly #admitted = new WeakMap<pg.PoolClient, number>();
  readonly #stop = new AbortController();
  readonly durability: Durability;
  #closing = false;
  /** Statements that were prepared are not there any more, so a pooler shares the sessions out. */
  #pooled = false;

  constructor(options: DatabaseOptions) {
    this.durability = options.durability ?? 'local';
    this.#timeout = options.statementTimeoutMilliseconds ?? 30_000;
    this.#connectTimeout = options.connectTimeoutMilliseconds ?? 5000;
    if (!options.replica)
      this.#lives =
        this.durability === 'quorum'
          ? new ServerLives((begun) => this.#waitForStandby(begun))
          : new ServerLives();
    this.#config = {
      ...options.connection,
      application_name: 'headwater',
      connectionTimeoutMillis: this.#connectTimeout,
      keepAlive: true,
      options: SESSION,
    };
    const pool = (max: number, how: pg.ClientConfig) => {
      const made = new pg.Pool({ ...this.#config, max, idleTimeoutMillis: 60_000, ...how });
      made.on('error', (error) => {
        // While closing, a server that goes down is no news.
        if (!this.#closing) options.onConnectionLost?.(error);
      });
      // A client that is borrowed when its connection breaks reports it by its query as well; without a listener the
      // event would end the process.
      made.on('connect', (client) => client.on('error', () => undefined));
      return made;
    };
    this.#pools = {
      append: pool(options.appendConnections ?? 8, { pipeline: true }),
      read: pool(options.readConnections ?? 8, {
        options: `${SESSION} ${IN_INDEX_ORDER}`,
        stream: rowStream,
      }),
    };
  }

  /**
   * Runs one statement in a transaction of its own. Rejects with the driver's error; `sqlstate.ts` tells what it means.
   */
  async query(
    pool: PoolName,
    text: string,
    values: readonly unknown[],
    options: QueryOptions = {},
  ): Promise<Row[]> {
    return this.#named(text, options, (named) =>
      this.#send(
        pool,
        options,
        (client) => client.query(new TextRowsQuery({ text, values: [...values], ...named })).answer,
      ),
    );
  }

  /**
   * As {@link query}, with the rows as they come: for what is read at full speed. Not of connections that take statements without
   * waiting for answers, on which rows of one might be taken for the end of another.
   */
  async queryBinary(
    pool: 'read',
    text: string,
    values: readonly unknown[],
    options: BinaryQueryOptions = {},
  ): Promise<BinaryRows> {
    const { pieces } = options;
    return this.#named(text, options, (named) =>
      this.#send(
        pool,
        options,
        (client) =>
          client.query(new BinaryRowsQuery({ text, values: [...values], ...named }, pieces)).gathered,
      ),
    );
  }

  /** Gives a statement that is to stay prepared its name; it goes on without where that means nothing. */
  async #named<T>(
    text: string,
    { prepared }: QueryOptions,
    run: (named: { readonly name?: string }) => Promise<T>,
  ): Promise<T> {
    if (prepared === undefined || this.#pooled) return run({});
    try {
      return await run({ name: statementName(prepared, text) });
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !NOT_PREPARED.has(error.code ?? '')) throw error;
      // Nothing has run.
      this.#pooled = true;
      return run({});
    }
  }

  /** Hands a connection to `statement`, and takes it back in the state in which that has left it. */
  async #send<T>(
    pool: PoolName,
    options: QueryOptions,
    statement: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    const { signal } = options;
    signal?.throwIfAborted();
    const client = await this.#borrowed(pool, options.unconfirmed ?? false);
    if (signal?.aborted) {
      client.release();
      signal.throwIfAborted();
    }
    const running = this.#run(client, statement, options.timeoutMilliseconds ?? this.#timeout);
    return signal ? abortable(running, signal) : running;
  }

  /** A connection for statements that follow each other without waiting for the answers. */
  lane(): Lane {
    return new Lane({
      borrow: () => this.#borrowed('append', false),
      ask: (client, statement) => this.#ask(statement, client, this.#timeout),
      named: (text, prepared, run) => this.#named(text, { prepared }, run),
    });
  }

  /** A pooler shares the sessions out: what a statement leaves in its session is not there for the next one. */
  get isPooled(): boolean {
    return this.#pooled;
  }

  /**
   * How often the server behind the address was found started anew, or to be another one. Who keeps something that
   * depends on the server compares this.
   */
  get life(): number {
    return this.#lives?.current ?? 1;
  }

  /** With durability `quorum`: waits until a standby has all that the server shows. Rejects as a query would. */
  async confirmed(timeoutMilliseconds = this.#connectTimeout): Promise<void> {
    await this.#lives?.trust(timeoutMilliseconds).catch((error: unknown) => {
      throw new NotSentError(error);
    });
  }

  /** What the server shows may not be what standbys have: nothing is answered until one has confirmed it. */
  distrust(): void {
    this.#lives?.distrust();
  }

  async #borrowed(pool: PoolName, unconfirmed: boolean): Promise<pg.PoolClient> {
    const from = this.#pools[pool];
    if (from.waitingCount >= WAITING)
      throw new OverloadedError(`${WAITING} statements wait for a connection already; try again later`, {
        limit: `${pool}_connections`,
        outcome: 'NOT_APPLIED',
      });
    try {
      return await this.#borrow(from, unconfirmed);
    } catch (error) {
      throw new NotSentError(error);
    }
  }

  /** A connection to the present life of the server, once what that shows may be told. */
  async #borrow(from: pg.Pool, unconfirmed: boolean): Promise<pg.PoolClient> {
    const lives = this.#lives;
    for (;;) {
      const client = await from.connect();
      if (lives === undefined) return client;
      let former = true;
      try {
        let life = this.#admitted.get(client);
        if (life === undefined) {
          const ask = (text: string) => client.query(new TextRowsQuery({ text })).answer;
          life = lives.admit(await identify((text) => within(this.#connectTimeout, ask(text))));
          this.#admitted.set(client, life);
        }
        former = life !== lives.current;
      } catch (error) {
        giveBack(client, true);
        throw error;
      }
      if (!former && (lives.trusted || unconfirmed)) return client;
      client.release(former);
      if (!former) await lives.trust(this.#connectTimeout);
    }
  }

  async #run<T>(
    client: pg.PoolClient,
    statement: (client: pg.PoolClient) => Promise<T>,
    timeout: number,
  ): Promise<T> {
    let broken = true;
    try {
      const result = await this.#ask(() => statement(client), client, timeout);
      broken = false;
      return result;
    } catch (error) {
      broken = !leavesUnharmed(error);
      throw error;
    } finally {
      giveBack(client, broken);
    }
  }

  async #ask<T>(statement: () => Promise<T>, client: pg.PoolClient, timeout: number): Promise<T> {
    const replication = new ReplicationWatch(client);
    try {
      const result = await within(timeout, statement());
      if (!replication.cutShort) return result;
    } finally {
      replication.end();
    }
    this.distrust();
    throw notReplicated();
  }

  /** Resolves when a standby has flushed all that is committed by now. */
  async #waitForStandby(begun: (found: ServerIdentity) => void): Promise<void> {
    await this.withSession(async (session) => {
      const ask = (text: string) => session.query(text);
      begun(await identify(ask));
      const problem = await quorumProblem(ask);
      if (problem !== undefined) throw new NotConfirmedError(problem);
      await session.query(WAIT_FOR_STANDBY);
    });
  }

  /**
   * Runs `work` with a connection of its own, outside the pools, that is closed afterwards: for migrations and
   * listening, which need a session.
   */
  async withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = new pg.Client(this.#config);
    const lost = new Promise<never>((_, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('The connection to the database has ended')));
    });
    lost.catch(() => undefined);
    try {
      await client.connect();
    } catch (error) {
      throw new NotSentError(error);
    }
    const replication = new ReplicationWatch(client);
    // Also while a statement runs, which may wait for a standby for ever.
    const letGo = onAbort(this.#stop.signal, () => void client.end().catch(() => undefined));
    try {
      return await Promise.race([
        work({
          query: async (text, values = []) => {
            const rows = await client.query(new TextRowsQuery({ text, values: [...values] })).answer;
            if (replication.cutShort) throw notReplicated();
            return rows;
          },
          onNotification: (listener) => {
            client.on('notification', ({ payload, channel }) => listener(payload ?? '', channel));
          },
          lost,
        }),
        lost,
      ]);
    } finally {
      letGo();
      await client.end().catch(() => undefined);
    }
  }

  /** Ends all connections; statements under way finish first, sessions do not. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#stop.abort(new Error('The database is closed'));
    await Promise.all([this.#pools.append.end(), this.#pools.read.end()]);
  }
}

/** A connection of one's own. */
export interface Session {
  query(text: string, values?: readonly unknown[]): Promise<Row[]>;
  onNotification(listener: (payload: string, channel: string) => void): void;
  /** Rejects when the connection is gone. */
  readonly lost: Promise<never>;
}

/** No connection could be had, so nothing was sent. */
export class NotSentError extends Error {
  constructor(cause: unknown) {
    super(`No connection to the database: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'NotSentError';
  }
}

/** The statement was sent, and no answer came in time; its connection is closed. */
export class StatementTimeoutError extends Error {
  constructor(milliseconds: number) {
    super(`The database did not answer within ${milliseconds} ms`);
    this.name = 'StatementTimeoutError';
  }
}

const statementNames = new Map<string, string>();
const STATEMENT_NAMES = 1000;

/** By its text, so that whoever prepared it under this name meant the same. */
function statementName(prepared: string, text: string): string {
  let name = statementNames.get(text);
  if (name === undefined) {
    if (statementNames.size >= STATEMENT_NAMES) statementNames.clear();
    name = `${prepared}_${hash('sha256', text, 'hex').slice(0, 32)}`;
    statementNames.set(text, name);
  }
  return name;
}

/** Rejects with `StatementTimeoutError` when it takes longer. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StatementTimeoutError(milliseconds)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const letGo = onAbort(signal, () => reject(signal.reason as Error));
    work.then(resolve, reject).finally(letGo);
  });
}
