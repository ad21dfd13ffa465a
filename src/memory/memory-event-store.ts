import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import type { LedgerCommand } from '../core/command.js';
import { StreamNotFoundError } from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import { interveningEvents } from '../core/intervening.js';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import { refusalError } from '../core/refusal-error.js';
import type { Runtime } from '../core/runtime.js';
import type { NewSnapshot, Snapshot } from '../core/snapshot.js';
import type { StreamId, StreamInfo } from '../core/stream.js';
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
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateAppend, validateStream } from '../core/validate-append.js';
import {
  validateCountEvents,
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
import { Violations } from '../core/validate.js';
import { checkPosition } from '../subscriptions/start.js';
import { createSubscriber, type Subscriber, type SubscriberOptions } from '../subscriptions/subscriber.js';
import { append } from './append.js';
import { changeStream } from './change-stream.js';
import { copiedCommand } from './commands.js';
import { listAggregateTypes, listStreams, streamInfo } from './lists.js';
import { MemoryLog } from './memory-log.js';
import { copied } from './pages.js';
import { deleteSnapshots, getSnapshot, saveSnapshot } from './snapshots.js';
import { EPOCH, Tables } from './tables.js';

/** What a store in memory may be told. */
export interface MemoryEventStoreOptions {
  readonly runtime: Runtime;
  /** @default those of the service */
  readonly limits?: Limits;
  readonly subscriptions?: Pick<SubscriberOptions, 'tail'>;
}

/**
 * An event store in memory, for tests: it passes the same contract suite as the one on Postgres. What is in it is gone
 * with the process. Nothing is shared with the caller: what he changes afterwards changes nothing here.
 *
 * What a stream no longer keeps, and what is erased, is emptied at once, for readers of the log as well.
 *
 * @example
 * const store = createMemoryEventStore({ runtime: systemRuntime });
 */
export function createMemoryEventStore(options: MemoryEventStoreOptions): EventStore {
  return new MemoryEventStore(options);
}

class MemoryEventStore extends StreamChanges implements EventStore {
  readonly #runtime: Runtime;
  readonly #tables = new Tables();
  readonly #log: MemoryLog;
  readonly #limits: Limits;
  readonly #subscriber: Subscriber;

  constructor({ runtime, limits = DEFAULT_LIMITS, subscriptions = {} }: MemoryEventStoreOptions) {
    super();
    this.#runtime = runtime;
    this.#log = new MemoryLog(this.#tables, runtime);
    this.#limits = limits;
    this.#subscriber = createSubscriber({ ...subscriptions, log: this.#log, runtime });
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
  // Decided before the promise is made, so in the order of the calls; async, so that it rejects and does not throw.
  async append(request: AppendRequest, { signal }: CallOptions = {}): Promise<AppendOutcome> {
    signal?.throwIfAborted();
    validateAppend(request, this.#limits);
    const outcome = append(this.#tables, this.#runtime, request);
    if (outcome.outcome === 'APPENDED') {
      if (outcome.lastPosition > 0n) this.#log.advanced();
      return outcome;
    }
    if (request.onConflict !== 'RETURN') throw refusalError(outcome);
    if (!request.interveningBytes) return outcome;
    const load = (some: LoadRequest) => this.#log.load(some, signal);
    return { ...outcome, intervening: await interveningEvents(load, request, outcome) };
  }

  // As append is.
  override async changeStream(change: StreamChange, { signal }: CallOptions = {}): Promise<StreamChanged> {
    signal?.throwIfAborted();
    validateStreamChange(change, this.#limits);
    const changed = changeStream(this.#tables, this.#runtime, change);
    this.#log.advanced();
    return changed;
  }

  async *load(request: LoadRequest, { signal }: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    // Nobody else writes to this log, so a position that is not there yet is one of another log.
    if (request.minPosition) await checkPosition(this.#log, request.minPosition, signal);
    yield* this.#log.load(request, signal);
  }

  async *subscribe(
    request: SubscribeRequest,
    options?: CallOptions,
  ): AsyncGenerator<SubscriptionMessage, void, undefined> {
    // All followers are fed from one ring, whose events are the same objects for each.
    for await (const message of this.#subscriber.subscribe(request, options))
      yield { ...message, events: message.events.map(copied) };
  }

  async getStream(stream: StreamId, { signal }: CallOptions = {}): Promise<StreamInfo> {
    this.#beginRead(signal);
    const violations = new Violations();
    validateStream(stream, 'stream', violations);
    violations.throwIfAny();
    const state = this.#tables.stream(stream);
    if (state === undefined) throw new StreamNotFoundError({ ...stream });
    return streamInfo(state);
  }

  async listStreams(request: ListStreamsRequest = {}, { signal }: CallOptions = {}): Promise<StreamList> {
    this.#beginRead(signal);
    validateListStreams(request);
    return listStreams(this.#tables, request);
  }

  async listAggregateTypes(
    request: ListAggregateTypesRequest = {},
    { signal }: CallOptions = {},
  ): Promise<AggregateTypeList> {
    this.#beginRead(signal);
    validateListAggregateTypes(request);
    return listAggregateTypes(this.#tables, request);
  }

  async countEvents(request: CountEventsRequest = {}, { signal }: CallOptions = {}): Promise<EventCount> {
    this.#beginRead(signal);
    validateCountEvents(request);
    return this.#log.count(request);
  }

  async findCommand(commandId: string, { signal }: CallOptions = {}): Promise<LedgerCommand | undefined> {
    signal?.throwIfAborted();
    validateCommandId(commandId);
    const command = this.#tables.commands.get(commandId);
    return command && copiedCommand(command);
  }

  async saveSnapshot(stream: StreamId, snapshot: NewSnapshot, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    validateSnapshot(stream, snapshot);
    saveSnapshot(this.#tables, stream, snapshot, this.#runtime.now());
  }

  async getSnapshot(
    stream: StreamId,
    wanted: WantedSnapshot = {},
    { signal }: CallOptions = {},
  ): Promise<Snapshot | undefined> {
    signal?.throwIfAborted();
    validateWantedSnapshot(stream, wanted);
    return getSnapshot(this.#tables, stream, wanted);
  }

  async deleteSnapshots(stream: StreamId, { signal }: CallOptions = {}): Promise<bigint> {
    signal?.throwIfAborted();
    validateWantedSnapshot(stream, {});
    return deleteSnapshots(this.#tables, stream);
  }

  async getLog({ signal }: CallOptions = {}): Promise<LogInfo> {
    this.#beginRead(signal);
    const { log, head } = this.#tables;
    return {
      position: head,
      epoch: EPOCH,
      bytes: 0n,
      oldest: log[0]?.event.recordedAt,
      newest: log.at(-1)?.event.recordedAt,
      epochs: await this.#log.epochs(),
    };
  }

  #beginRead(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    this.#tables.expireAged(this.#runtime.now());
  }
}
