import { ANONYMOUS, type Principal } from '../auth/principal.js';
import type { Command, CommandBus, Executed, Existence } from '../core/command.js';
import { StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import type { Aggregate, Update } from './aggregate.js';
import { AggregateCache, type AggregateCacheOptions } from './aggregate-cache.js';
import { AggregateDecider } from './aggregate-decider.js';
import { AggregateReader, type At, type ReadAggregate, type ReadOptions } from './aggregate-reader.js';
import { CarryOut, StaleDecision } from './carry-out.js';
import { CommandExecutor, type CommandExecutorOptions, type ExecuteOptions } from './command-executor.js';
import type { CommandRegistry } from './command-registry.js';
import type { Decider } from './decider.js';
import { withActor } from './inherited-metadata.js';
import { retrying } from './retrying.js';
import { type OnFailure, Snapshots } from './snapshots.js';

export interface AggregateManagerOptions
  extends Pick<CommandExecutorOptions, 'hash' | 'everybody' | 'middleware' | 'attempts' | 'queueLength'> {
  readonly store: EventStore;
  readonly registry: CommandRegistry;
  readonly runtime: Runtime;
  /** What of aggregates is kept in memory. */
  readonly cache?: AggregateCacheOptions;
  /**
   * Told of what fails without a caller: a snapshot that cannot be kept or read, say.
   * @default nobody is
   */
  readonly onFailure?: OnFailure;
}

/** An aggregate as it is, or was. */
export type AggregateView<State = unknown> = Omit<ReadAggregate<State>, 'bytes' | 'snapshotVersion'>;

export interface GetOptions extends ReadOptions {
  /** @default now */
  readonly at?: At;
}

export interface UpdateOptions extends CallOptions {
  /** @default "ANY", which refuses deleted ones */
  readonly existence?: Existence;
  /** Facts that the events inherit. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** @default nobody in particular */
  readonly principal?: Principal;
}

/** What became of an update. */
export interface Updated {
  readonly aggregate: StreamId;
  readonly version: bigint;
  /** Of its last event; 0 if it had none. */
  readonly position: bigint;
  readonly epoch: bigint;
}

/** As much of an aggregate as tells its type and that of its state. */
type Of<State> = Pick<Aggregate<State>, 'type' | 'initial'>;

/**
 * The aggregates of a domain over a store, wherever that is: reads them, and has their commands decided. States are kept in
 * memory and verified by the append that follows; what is read with `get` is always as new as the log.
 *
 * @example
 * const manager = new AggregateManager({ store, registry, runtime: systemRuntime, hash: sha256, everybody: true });
 * await manager.execute(commandOf(account, 'Deposit', { amount: 10 }, { aggregateId: 'a-1' }));
 * const { state, version } = await manager.get(account, 'a-1');
 */
export class AggregateManager implements CommandBus {
  /** Decides the commands of the registry, for an executor of one's own. */
  readonly decider: Decider;
  readonly #options: AggregateManagerOptions;
  readonly #decider: AggregateDecider;
  readonly #reader: AggregateReader;
  readonly #snapshots: Snapshots;
  readonly #carryOut: CarryOut;
  readonly #executor: CommandExecutor;

  /** Throws `TypeError` if a command type of the registry has no handler. */
  constructor(options: AggregateManagerOptions) {
    const { store, registry, runtime, onFailure = () => undefined } = options;
    this.#options = options;
    this.#snapshots = new Snapshots(store, onFailure);
    this.#reader = new AggregateReader(store, this.#snapshots);
    this.#decider = new AggregateDecider({
      commands: registry.checked(),
      store,
      reader: this.#reader,
      cache: new AggregateCache(options.cache),
      snapshots: this.#snapshots,
      onFailure,
      runtime,
    });
    this.decider = this.#decider;
    this.#carryOut = new CarryOut({ store, runtime, onFailure });
    const middleware = [...(options.middleware ?? []), ...registry.middlewareFor({ store, runtime })];
    this.#executor = new CommandExecutor({ ...options, middleware, decider: this.#decider, onFailure });
  }

  /**
   * The aggregate, now or as it was. Fails with `StreamNotFoundError`, `StreamDeletedError` (unless `includeDeleted`),
   * `InvalidRequestError` for a version that it has not come to, `PayloadError`, and as `load` does.
   */
  get<State>(aggregate: Of<State>, aggregateId: string, options?: GetOptions): Promise<AggregateView<State>>;
  get(aggregateType: string, aggregateId: string, options?: GetOptions): Promise<AggregateView>;
  async get(
    of: Of<unknown> | string,
    aggregateId: string,
    { at, ...options }: GetOptions = {},
  ): Promise<AggregateView> {
    const aggregate = this.#registered(of);
    const stream = { aggregateType: aggregate.type, aggregateId };
    if (at !== undefined) return viewOf(await this.#reader.at(aggregate, stream, at, options));
    const read = await this.#decider.fresh(aggregate, stream, options);
    if (read.deleted && options.includeDeleted !== true) throw new StreamDeletedError(stream);
    if (read.version === 0n) throw new StreamNotFoundError(stream);
    return viewOf({ ...read, state: aggregate.copy(read.state) });
  }

  /** All aggregates of a type that exist, by id, one after the other; each as it is when it is its turn. */
  all<State>(aggregate: Of<State>, options?: CallOptions): AsyncGenerator<AggregateView<State>>;
  all(aggregateType: string, options?: CallOptions): AsyncGenerator<AggregateView>;
  async *all(of: Of<unknown> | string, options: CallOptions = {}): AsyncGenerator<AggregateView> {
    const { type: aggregateType } = this.#registered(of);
    let pageToken: string | undefined;
    do {
      const page = await this.#options.store.listStreams(
        { aggregateType, pageSize: 1000, ...(pageToken === undefined ? {} : { pageToken }) },
        options,
      );
      for (const { stream } of page.streams) {
        const view = await this.#ifThere(aggregateType, stream.aggregateId, options);
        if (view !== undefined) yield view;
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }

  /**
   * Has a function decide what happens to an aggregate, without a command: nothing is kept in the ledger, so who has lost the
   * answer must look before trying again. It is called again if what it decided on has changed.
   */
  async update<State, Types extends PayloadTypes>(
    aggregate: Aggregate<State, Types>,
    aggregateId: string,
    update: Update<State, Types>,
    options: UpdateOptions = {},
  ): Promise<Updated> {
    const { runtime, attempts = 10 } = this.#options;
    const { metadata = {}, principal = ANONYMOUS, existence = 'ANY' } = options;
    const signal = options.signal ?? new AbortController().signal;
    const any = this.#registered(aggregate.type);
    const stream = { aggregateType: any.type, aggregateId };
    const isRetryable = (error: unknown) => error instanceof StaleDecision;
    try {
      return await retrying({ runtime, attempts, isRetryable }, signal, async (attempt) => {
        const request = { aggregate: stream, existence, principal, attempt, metadata, commandId: '' };
        const decide = (state: unknown, context: never) => aggregate.run(state as State, update, context);
        const decided = await this.#decider.decideWith(any, request, decide as never, signal);
        const events = withActor(decided.events, metadata, principal, () => runtime.newEventId());
        const appended = await this.#carryOut.commit(stream, decided, signal, { events });
        const version = appended.versions[0]?.version ?? decided.version;
        return { aggregate: stream, version, position: appended.lastPosition, epoch: appended.epoch };
      });
    } catch (error) {
      throw error instanceof StaleDecision ? error.cause : error;
    }
  }

  /** See `CommandBus` and `CommandExecutor`. */
  execute(command: Command, options?: ExecuteOptions): Promise<Executed> {
    return this.#executor.execute(command, options);
  }

  /** The state as JSON, for those who do not know its type: bigint as text. Throws `TypeError` for what JSON cannot say. */
  stateAsJson(aggregateType: string, state: unknown): Uint8Array {
    const kept = this.#registered(aggregateType).toSnapshot(state);
    const text = JSON.stringify(kept, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    return new TextEncoder().encode(text ?? 'null');
  }

  /** Whether aggregates of the type can be folded here. */
  knows(aggregateType: string): boolean {
    return this.#options.registry.aggregates.has(aggregateType);
  }

  /** Resolves when nothing is under way in the background: snapshots that are being kept. */
  async settled(): Promise<void> {
    await Promise.all([this.#snapshots.settled(), this.#carryOut.settled(), this.#executor.settled()]);
  }

  async #ifThere(
    aggregateType: string,
    aggregateId: string,
    options: CallOptions,
  ): Promise<AggregateView | undefined> {
    try {
      return await this.get(aggregateType, aggregateId, options);
    } catch (error) {
      // Deleted since it was listed.
      if (error instanceof StreamDeletedError) return undefined;
      throw error;
    }
  }

  #registered(of: { readonly type: string } | string): Aggregate {
    const type = typeof of === 'string' ? of : of.type;
    const aggregate = this.#options.registry.aggregates.get(type);
    if (aggregate === undefined)
      throw new TypeError(`Aggregate type ${JSON.stringify(type)} is not registered`);
    return aggregate;
  }
}

function viewOf<State>({
  stream,
  version,
  deleted,
  state,
  readTo,
}: ReadAggregate<State>): AggregateView<State> {
  return { stream, version, deleted, state, readTo };
}
