import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import { HeadwaterError, type Outcome } from '../core/errors.js';
import type { LedgerCommand } from '../core/command.js';
import type { FromSnapshot, LoadedAggregate } from '../core/loaded-aggregate.js';
import type { NewSnapshot, Snapshot } from '../core/snapshot.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import { endOf } from '../core/call-options.js';
import { interveningEvents } from '../core/intervening.js';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import type { Committed, Epoch, Log, LogHead } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import { refusalError } from '../core/refusal-error.js';
import { type StreamChange, type StreamChanged, StreamChanges } from '../core/stream-changes.js';
import type {
  AggregateTypeList,
  CountEventsRequest,
  EventCount,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  LogInfo,
  StreamList,
} from '../core/stream-list.js';
import type { StreamId, StreamInfo } from '../core/stream.js';
import type { LogPosition, SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import {
  validateCountEvents,
  validateGetStream,
  validateListAggregateTypes,
  validateListStreams,
} from '../core/validate-list.js';
import { validateLoad } from '../core/validate-read.js';
import {
  validateCommandId,
  validateSnapshot,
  validateWantedSnapshot,
  type WantedSnapshot,
} from '../core/validate-snapshot.js';
import { validateStreamChange } from '../core/validate-stream-change.js';
import { createSubscriber, type Subscriber, type SubscriberOptions } from '../subscriptions/subscriber.js';
import type { Verdict } from './append.js';
import { ChangeQueue } from './change-queue.js';
import { changeStream } from './change-stream.js';
import { checkCondition } from './check-condition.js';
import { committedRows } from './committed-rows.js';
import { ConditionChecks } from './condition-checks.js';
import { ContendedStreams } from './contended-streams.js';
import type { Database } from './database.js';
import { openLog } from './epochs.js';
import { getLog } from './get-log.js';
import { findCommand } from './find-command.js';
import { getStream } from './get-stream.js';
import { GroupAppends } from './group-appends.js';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';
import { GroupLoad } from './group-load.js';
import { Hints } from './hints.js';
import { loadAggregates } from './load-aggregates.js';
import { LogLife } from './log-life.js';
import { listAggregateTypes } from './list-aggregate-types.js';
import { listStreams } from './list-streams.js';
import { PostgresLog } from './postgres-log.js';
import { type PreparedAppend, prepareAppend } from './prepared-append.js';
import { ReplicaReads } from './replica.js';
import { deleteSnapshots, getSnapshot, saveSnapshot } from './snapshots.js';
import { storeError } from './sqlstate.js';
import { finishErasure, Sweep, type SweepOptions } from './sweep.js';

/** What the store needs; see `createPostgresEventStore`. */
export interface PostgresEventStoreOptions {
  readonly database: Database;
  /** The schema, which is migrated already. */
  readonly schema: string;
  /**
   * Where loads go that may be behind, or say how far they must not be.
   * @default to `database` as well
   */
  readonly replica?: Database | undefined;
  readonly runtime: Runtime;
  readonly limits?: Limits;
  readonly groupCommit?: Pick<
    GroupCommitOptions,
    'groupEvents' | 'groupBytes' | 'queueRequests' | 'queueBytes' | 'resolveMilliseconds'
  >;
  readonly subscriptions?: Pick<SubscriberOptions, 'tail'>;
  readonly sweep?: Pick<SweepOptions, 'intervalMilliseconds' | 'statementVersions' | 'share' | 'onFailure'>;
  /** Logs an unexpected failure, and gives the error to answer instead. */
  readonly onUnexpected: (error: unknown, outcome?: Outcome) => HeadwaterError;
  /** Told when listening for other instances fails; it is tried again by itself. */
  readonly onHintsFailure?: (error: unknown) => void;
}

/** The log on Postgres. */
export class PostgresEventStore extends StreamChanges implements EventStore {
  readonly #options: PostgresEventStoreOptions;
  readonly #limits: Limits;
  readonly #log: PostgresLog;
  readonly #commits: GroupCommit;
  readonly #changes: ChangeQueue;
  readonly #checks: ConditionChecks;
  readonly #contended: ContendedStreams;
  readonly #appends: GroupAppends;
  readonly #loads: GroupLoad;
  /** The last position that was committed here; 0 while nothing was. */
  #knownHead = 0n;
  readonly #sweepOptions: SweepOptions;
  readonly #sweep: Sweep;
  readonly #hints: Hints;
  readonly #subscriber: Subscriber;

  constructor(options: PostgresEventStoreOptions) {
    super();
    const { database, schema, runtime } = options;
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#hints = new Hints({
      database,
      schema,
      runtime,
      ...(options.onHintsFailure ? { onFailure: options.onHintsFailure } : {}),
    });
    this.#log = new PostgresLog({ database, schema, runtime }, this.#hints, new LogLife(database, schema));
    this.#appends = new GroupAppends({ database, schema, runtime });
    this.#commits = new GroupCommit({
      ...options.groupCommit,
      commit: (group) => this.#commit(group),
      follow: (group) => this.#follow(group),
      mayWait: ({ request }) => this.#contended.mayWait(request),
      errorFor: (error, outcome) => this.#error(error, outcome),
      onCommitted: (position, decided) => this.#committed(position, () => committedRows(decided())),
      runtime,
    });
    this.#checks = new ConditionChecks((condition, signal) =>
      checkCondition(database, schema, condition, signal),
    );
    this.#contended = new ContendedStreams(runtime);
    this.#changes = new ChangeQueue({
      change: (change) => changeStream(database, schema, change),
      errorFor: (error, outcome) => this.#error(error, outcome),
      onCommitted: (position) => this.#committed(position),
      runtime,
      ...(options.groupCommit?.resolveMilliseconds === undefined
        ? {}
        : { resolveMilliseconds: options.groupCommit.resolveMilliseconds }),
    });
    this.#loads = new GroupLoad({ load: (sought) => this.#read(loadAggregates, sought, {}) });
    this.#sweepOptions = { ...options.sweep, database, schema, runtime };
    this.#sweep = new Sweep(this.#sweepOptions);
    this.#subscriber = createSubscriber({
      ...options.subscriptions,
      log: this.#log,
      runtime,
      errorFor: (error) => this.#error(error),
    });
  }

  /** Opens the log, which begins a new epoch if the server has changed, and listens for other instances. */
  async start(): Promise<LogHead> {
    const { database, schema } = this.#options;
    const head = await openLog(database, schema);
    this.#hints.start();
    this.#sweep.start();
    return head;
  }

  /** Takes no more appends, and resolves when those that were taken are answered. */
  async stop(): Promise<void> {
    await this.#sweep.stop();
    this.#contended.close();
    await Promise.all([this.#commits.close(), this.#changes.close()]);
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
    const verdict = await this.#submit(prepared, options);
    if (verdict instanceof HeadwaterError) throw verdict;
    if (verdict.outcome === 'APPENDED') {
      if (this.#contended.wereTold(verdict.versions)) await new Promise(setImmediate);
      return verdict;
    }
    const refused = (await this.#contended.turnOf(verdict, request)) ?? verdict;
    if (request.onConflict !== 'RETURN') throw refusalError(refused);
    if (!request.interveningBytes) return refused;
    return {
      ...refused,
      intervening: await interveningEvents((load) => this.load(load, options), request, refused),
    };
  }

  /** Takes a place in the queue at once, so that calls are decided in order; unless a long condition must be looked at. */
  #submit(prepared: PreparedAppend, options: CallOptions): Promise<Verdict> {
    const ready = this.#checks.before(prepared, this.#knownHead, options);
    if (ready === undefined) return this.#commits.submit(prepared, options);
    return ready.then(
      (checked) => this.#commits.submit(checked, options),
      (error: unknown) => {
        throw endOf(options) ? error : this.#error(error, 'NOT_APPLIED');
      },
    );
  }

  /** What is too late is not tried as foreseen first. Who contends for a stream that has moved is told before anything else is sent. */
  async #commit(group: readonly PreparedAppend[]): Promise<readonly Verdict[]> {
    const verdicts = await (this.#isLate(group) ? this.#appends.decide(group) : this.#appends.append(group));
    this.#moved(verdicts);
    return verdicts;
  }

  #follow(group: readonly PreparedAppend[]): Promise<readonly Verdict[] | undefined> | undefined {
    if (this.#isLate(group)) return undefined;
    return this.#appends.follow(group)?.then((verdicts) => {
      if (verdicts) this.#moved(verdicts);
      return verdicts;
    });
  }

  #isLate(group: readonly PreparedAppend[]): boolean {
    return group.some(({ request }) => this.#contended.isLate(request));
  }

  #moved(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts)
      if (!(verdict instanceof Error) && verdict.outcome === 'APPENDED')
        this.#contended.moved(verdict.versions);
  }

  async findCommand(commandId: string, options: CallOptions = {}): Promise<LedgerCommand | undefined> {
    validateCommandId(commandId);
    return this.#read(findCommand, commandId, options);
  }

  async saveSnapshot(stream: StreamId, snapshot: NewSnapshot, options: CallOptions = {}): Promise<void> {
    validateSnapshot(stream, snapshot);
    await this.#read(saveSnapshot, { stream, snapshot }, options);
  }

  async getSnapshot(
    stream: StreamId,
    wanted: WantedSnapshot = {},
    options: CallOptions = {},
  ): Promise<Snapshot | undefined> {
    validateWantedSnapshot(stream, wanted);
    return this.#read(getSnapshot, { stream, wanted }, options);
  }

  async loadAggregate(
    stream: StreamId,
    from: FromSnapshot,
    { signal }: CallOptions = {},
  ): Promise<LoadedAggregate> {
    validateWantedSnapshot(stream, typeof from === 'string' ? {} : from);
    return this.#loads.load({ stream, from }, signal);
  }

  async deleteSnapshots(stream: StreamId, options: CallOptions = {}): Promise<bigint> {
    validateWantedSnapshot(stream, {});
    return this.#read(deleteSnapshots, stream, options);
  }

  async changeStream(change: StreamChange, { signal }: CallOptions = {}): Promise<StreamChanged> {
    validateStreamChange(change, this.#limits);
    const eventId = change.eventId?.toLowerCase() ?? this.#options.runtime.newEventId();
    const changed = await this.#changes.submit({ ...change, eventId }, signal);
    try {
      if (change.kind === 'ERASE') await finishErasure(this.#sweepOptions, change.stream, signal);
    } catch (error) {
      this.#sweep.wake();
      if (signal?.aborted) throw error;
      // Done so far is done, and the sweep goes on with it; the same call again waits for the rest.
      throw this.#error(error, 'UNKNOWN');
    }
    if (change.kind === 'TRUNCATE' || change.kind === 'SET_RETENTION') this.#sweep.wake();
    return changed;
  }

  async *load(request: LoadRequest, options: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    const { minPosition, staleOk, ...wanted } = request;
    const log = minPosition || staleOk ? this.#replicaLog(minPosition, options) : undefined;
    const pages = log ? log.load(wanted, options.signal) : this.#log.load(request, options.signal);
    yield* this.#typed(pages, options.signal);
  }

  async getStream(stream: StreamId, options: CallOptions = {}): Promise<StreamInfo> {
    validateGetStream(stream);
    return this.#read(getStream, stream, options);
  }

  async listStreams(request: ListStreamsRequest = {}, options: CallOptions = {}): Promise<StreamList> {
    validateListStreams(request);
    return this.#read(listStreams, request, options);
  }

  async listAggregateTypes(
    request: ListAggregateTypesRequest = {},
    options: CallOptions = {},
  ): Promise<AggregateTypeList> {
    validateListAggregateTypes(request);
    return this.#read(listAggregateTypes, request, options);
  }

  async countEvents(request: CountEventsRequest = {}, options: CallOptions = {}): Promise<EventCount> {
    validateCountEvents(request);
    return this.#read((_, __, asked, signal) => this.#log.countEvents(asked, signal), request, options);
  }

  async getLog(options: CallOptions = {}): Promise<LogInfo> {
    return this.#read((database, schema, _, signal) => getLog(database, schema, signal), undefined, options);
  }

  subscribe(request: SubscribeRequest, options: CallOptions = {}): AsyncIterable<SubscriptionMessage> {
    return this.#subscriber.subscribe(request, options);
  }

  /** The head of the log, from the database. */
  async head(): Promise<LogHead> {
    return this.#log.head();
  }

  async epochs(): Promise<readonly Epoch[]> {
    return this.#log.epochs();
  }

  /** The log as a replica shows it to one load, if there is a replica. */
  #replicaLog(
    minPosition: LogPosition | undefined,
    { timeoutMilliseconds }: CallOptions,
  ): PostgresLog | undefined {
    const { replica, runtime, schema } = this.#options;
    if (replica === undefined) return undefined;
    const database = new ReplicaReads({
      database: replica,
      schema,
      runtime,
      minPosition,
      timeoutMilliseconds,
    });
    return new PostgresLog({ database, schema, runtime }, this.#hints);
  }

  /** What a statement answers, with the driver's errors turned into typed ones. */
  async #read<Asked, Answer>(
    statement: (database: Database, schema: string, asked: Asked, signal?: AbortSignal) => Promise<Answer>,
    asked: Asked,
    { signal }: CallOptions,
  ): Promise<Answer> {
    const { database, schema } = this.#options;
    try {
      return await this.#log.inOneLife(() => statement(database, schema, asked, signal));
    } catch (error) {
      if (signal?.aborted) throw error;
      throw this.#error(error);
    }
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

  #committed(position: bigint, written?: () => Committed | undefined): void {
    if (position > this.#knownHead) this.#knownHead = position;
    this.#hints.committed(position, written);
  }

  #error(error: unknown, outcome?: Outcome): HeadwaterError {
    return storeError(error, outcome) ?? this.#options.onUnexpected(error, outcome);
  }
}
