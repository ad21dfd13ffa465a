import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import {
  HeadwaterError,
  type InternalError,
  type Outcome,
  WrongExpectedVersionError,
} from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import type { Epoch, Log, LogHead } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateLoad } from '../core/validate-read.js';
import { createSubscriber, type Subscriber, type SubscriberOptions } from '../subscriptions/subscriber.js';
import { append } from './append.js';
import type { Database } from './database.js';
import { openLog } from './epochs.js';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';
import { Hints } from './hints.js';
import { PostgresLog } from './postgres-log.js';
import { prepareAppend } from './prepared-append.js';
import { storeError } from './sqlstate.js';

/** What the store needs; see `createPostgresEventStore`. */
export interface PostgresEventStoreOptions {
  readonly database: Database;
  /** The schema, which is migrated already. */
  readonly schema: string;
  readonly runtime: Runtime;
  readonly limits?: Limits;
  readonly groupCommit?: Pick<
    GroupCommitOptions,
    'groupEvents' | 'groupBytes' | 'queueRequests' | 'queueBytes' | 'resolveMilliseconds'
  >;
  readonly subscriptions?: Pick<SubscriberOptions, 'tail' | 'progress'>;
  /** Logs an unexpected failure, and gives the error to answer instead. */
  readonly onUnexpected: (error: unknown, outcome?: Outcome) => InternalError;
  /** Told when listening for other instances fails; it is tried again by itself. */
  readonly onHintsFailure?: (error: unknown) => void;
}

/** The log on Postgres. */
export class PostgresEventStore implements EventStore {
  readonly #options: PostgresEventStoreOptions;
  readonly #limits: Limits;
  readonly #log: PostgresLog;
  readonly #commits: GroupCommit;
  readonly #hints: Hints;
  readonly #subscriber: Subscriber;

  constructor(options: PostgresEventStoreOptions) {
    const { database, schema, runtime } = options;
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#hints = new Hints({
      database,
      schema,
      runtime,
      ...(options.onHintsFailure ? { onFailure: options.onHintsFailure } : {}),
    });
    this.#log = new PostgresLog({ database, schema, runtime }, this.#hints);
    this.#commits = new GroupCommit({
      ...options.groupCommit,
      commit: (group) => append(database, schema, group),
      errorFor: (error, outcome) => this.#error(error, outcome),
      onCommitted: (position) => this.#hints.committed(position),
      runtime,
    });
    this.#subscriber = createSubscriber({ ...options.subscriptions, log: this.#log, runtime });
  }

  /** Opens the log, which begins a new epoch if the server has changed, and listens for other instances. */
  async start(): Promise<LogHead> {
    const { database, schema } = this.#options;
    const head = await openLog(database, schema);
    this.#hints.start();
    return head;
  }

  /** Takes no more appends, and resolves when those that were taken are answered. */
  async stop(): Promise<void> {
    await this.#commits.close();
    await this.#hints.stop();
  }

  /** The log, for what follows it in this process. */
  get log(): Log {
    return this.#log;
  }

  /** How many subscriptions are open. */
  get followers(): number {
    return this.#subscriber.followers;
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
  async append(request: AppendRequest, options: CallOptions = {}): Promise<AppendOutcome> {
    const prepared = prepareAppend(request, this.#limits, this.#options.runtime);
    const verdict = await this.#commits.submit(prepared, options.signal);
    if (verdict instanceof HeadwaterError) throw verdict;
    if (verdict.outcome === 'REFUSED' && request.onConflict !== 'RETURN')
      throw new WrongExpectedVersionError(verdict.conflicts);
    return verdict;
  }

  async *load(request: LoadRequest, options: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    yield* this.#typed(this.#log.load(request, options.signal), options.signal);
  }

  async *subscribe(
    request: SubscribeRequest,
    options: CallOptions = {},
  ): AsyncGenerator<SubscriptionMessage, void, undefined> {
    yield* this.#typed(this.#subscriber.subscribe(request, options), options.signal);
  }

  /** The head of the log, from the database. */
  async head(): Promise<LogHead> {
    return this.#log.head();
  }

  async epochs(): Promise<readonly Epoch[]> {
    return this.#log.epochs();
  }

  /** The same messages, with the driver's errors turned into typed ones. */
  async *#typed<T>(
    messages: AsyncIterable<T>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T, void, undefined> {
    try {
      yield* messages;
    } catch (error) {
      if (signal?.aborted) throw error;
      throw this.#error(error);
    }
  }

  #error(error: unknown, outcome?: Outcome): HeadwaterError {
    return storeError(error, outcome) ?? this.#options.onUnexpected(error, outcome);
  }
}
