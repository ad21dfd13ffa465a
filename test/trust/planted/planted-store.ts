import pg from 'pg';
import type { AppendOutcome, AppendRequest, Appended } from '../../../src/core/append.js';
import type { Event } from '../../../src/core/event.js';
import {
  EventIdReusedError,
  StoreUnavailableError,
  WrongExpectedVersionError,
} from '../../../src/core/errors.js';
import type { CallOptions, EventLog } from '../../../src/core/event-store.js';
import { expectedVersionHolds } from '../../../src/core/expected-version.js';
import { WHOLE_LOG } from '../../../src/core/filter.js';
import type { LoadPage, LoadRequest } from '../../../src/core/load.js';
import { matcher } from '../../../src/core/matcher.js';
import { streamKey } from '../../../src/core/stream.js';
import type { SubscribeRequest, SubscriptionMessage } from '../../../src/core/subscribe.js';
import type { DatabaseOptions } from '../../../src/postgres/database.js';
import type { Random } from '../random.js';
import { eventsAfter, findRepeat, insertEvents, lockHead, streamVersions } from './planted-sql.js';

/** What is wrong with a store that is otherwise simple and right. */
export type PlantedFault =
  | 'NONE'
  /** Positions come from a sequence, under no lock, and readers go on behind the highest that they saw. */
  | 'SEQUENCE_ORDER'
  /** The caller is told before the transaction has committed, which a crash may still prevent. */
  | 'ACK_BEFORE_COMMIT'
  /** Whether it is a repeat is looked up before the lock is taken. */
  | 'REPEAT_CHECK_OUTSIDE_LOCK';

export interface PlantedStoreOptions {
  readonly connection: DatabaseOptions['connection'];
  /** Made by `createPlantedSchema`. */
  readonly schema: string;
  readonly fault: PlantedFault;
  readonly random: Random;
}

const POLL_MS = 5;
/** Of transactions that end in a crash instead of a commit. */
const CRASHES = 0.02;

/** An event store of one statement after the other, with a mistake in it: what the checker must not let pass. */
export class PlantedStore implements EventLog {
  readonly #options: PlantedStoreOptions;
  readonly #pool: pg.Pool;

  constructor(options: PlantedStoreOptions) {
    this.#options = options;
    // No test of durability: that a crash loses a commit is played, and not waiting for the disk saves the time.
    const session = `-c search_path=${options.schema} -c synchronous_commit=off`;
    this.#pool = new pg.Pool({ ...options.connection, max: 12, options: session });
    this.#pool.on('error', () => undefined);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  append(
    request: AppendRequest & { readonly onConflict: 'RETURN' },
    options?: CallOptions,
  ): Promise<AppendOutcome>;
  append(
    request: AppendRequest & { readonly onConflict?: 'THROW' },
    options?: CallOptions,
  ): Promise<Appended>;
  append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome>;
  async append(request: AppendRequest): Promise<AppendOutcome> {
    const client = await this.#pool.connect();
    let outcome: AppendOutcome;
    try {
      await client.query('BEGIN');
      outcome = await this.#decide(client, request);
    } catch (error) {
      await client.query('ROLLBACK');
      client.release();
      throw error;
    }
    const ended = this.#end(client);
    if (this.#options.fault !== 'ACK_BEFORE_COMMIT') await ended;
    if (outcome.outcome === 'REFUSED' && request.onConflict !== 'RETURN')
      throw new WrongExpectedVersionError(outcome.conflicts);
    return outcome;
  }

  async *load(request: LoadRequest): AsyncGenerator<LoadPage, void, undefined> {
    const matches = matcher(request.scope ?? WHOLE_LOG, request.filters ?? []);
    const all = await eventsAfter(this.#pool, 0n);
    const found = all.filter(matches);
    if (request.direction === 'BACKWARDS') found.reverse();
    yield {
      events: request.limit === undefined ? found : found.slice(0, Number(request.limit)),
      scannedAfter: 0n,
      scannedTo: all.at(-1)?.position ?? 0n,
      epoch: 1n,
    };
  }

  /** "Read what is behind the last position", again and again. */
  async *subscribe(
    request: SubscribeRequest,
    { signal }: CallOptions = {},
  ): AsyncGenerator<SubscriptionMessage, void, undefined> {
    const matches = matcher(request.scope ?? WHOLE_LOG, request.filters ?? []);
    let after = 0n;
    if (request.start?.kind === 'AFTER') after = request.start.after.position;
    if (request.start?.kind === 'END') after = (await eventsAfter(this.#pool, 0n)).at(-1)?.position ?? 0n;
    for (;;) {
      signal?.throwIfAborted();
      const events: readonly Event[] = await eventsAfter(this.#pool, after);
      const scannedTo = events.at(-1)?.position ?? after;
      if (scannedTo > after)
        yield { events: events.filter(matches), scannedAfter: after, scannedTo, epoch: 1n };
      after = scannedTo;
      await pause(POLL_MS);
    }
  }

  async #decide(client: pg.PoolClient, request: AppendRequest): Promise<AppendOutcome> {
    const { fault, random } = this.#options;
    const inSequence = fault === 'SEQUENCE_ORDER';
    const streams = request.streams.map(({ stream }) => streamKey(stream)).sort();
    // Under a sequence the streams are locked, so that versions at least are right.
    const lock = async () => {
      if (!inSequence) return lockHead(client);
      for (const stream of streams)
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [stream]);
      return undefined;
    };
    let head: bigint | undefined;
    if (fault !== 'REPEAT_CHECK_OUTSIDE_LOCK') head = await lock();
    const repeat = await findRepeat(client, request);
    if (repeat instanceof EventIdReusedError) throw repeat;
    if (repeat !== undefined) return repeat;
    if (fault === 'REPEAT_CHECK_OUTSIDE_LOCK') head = await lock();
    const versions = await streamVersions(client, streams);
    const conflicts = request.streams.flatMap(({ stream, expectedVersion: expected }) => {
      const actual = versions.get(streamKey(stream)) ?? 0n;
      return expectedVersionHolds(expected, actual) ? [] : [{ stream, expected, actual }];
    });
    if (conflicts.length > 0) return { outcome: 'REFUSED', conflicts };
    const appended = await insertEvents(client, request, versions, head);
    // Transactions do not end in the order in which they began.
    if (inSequence) await pause(random.below(8));
    return appended;
  }

  async #end(client: pg.PoolClient): Promise<void> {
    const { fault, random } = this.#options;
    const crash = fault === 'ACK_BEFORE_COMMIT' && random.chance(CRASHES);
    try {
      await client.query(crash ? 'ROLLBACK' : 'COMMIT');
    } catch (cause) {
      throw new StoreUnavailableError('The commit failed', { cause, outcome: 'UNKNOWN' });
    } finally {
      client.release();
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((go) => setTimeout(go, milliseconds));
}
