import type { Event } from '../core/event.js';
import { eventBytes } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { EventTypeRegistry, PayloadTypes } from '../core/event-types.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import type { Aggregate, Decision } from './aggregate.js';
import type { AggregateCache } from './aggregate-cache.js';
import type { AggregateReader, ReadAggregate, ReadOptions } from './aggregate-reader.js';
import { decodeData } from './command-data.js';
import { type DecideContext, Queries, type Query } from './decide-context.js';
import type { CommandTypeInfo, Decided, DecideRequest, Decider } from './decider.js';
import { guardExistence } from './existence.js';
import type { RegisteredCommand } from './registered-command.js';
import type { OnFailure, Snapshots } from './snapshots.js';

export interface AggregateDeciderOptions {
  readonly commands: ReadonlyMap<string, RegisteredCommand>;
  readonly store: Pick<EventStore, 'load'>;
  readonly reader: AggregateReader;
  readonly cache: AggregateCache;
  readonly snapshots: Snapshots;
  readonly onFailure: OnFailure;
  readonly runtime: Pick<Runtime, 'now' | 'newEventId'>;
}

/** Decides what a function makes of an aggregate's state. */
export type Decide = (state: unknown, context: DecideContext) => Decision | Promise<Decision>;

/** Decides the commands of aggregates that are registered in this process. */
export class AggregateDecider implements Decider {
  readonly #options: AggregateDeciderOptions;

  constructor(options: AggregateDeciderOptions) {
    this.#options = options;
  }

  get commandTypes(): ReadonlyMap<string, CommandTypeInfo> {
    return this.#options.commands;
  }

  async decide(request: DecideRequest, signal: AbortSignal): Promise<Decided> {
    const { command, aggregate, existence, principal, attempt } = request;
    const { commandId, metadata = {} } = command;
    const registered = this.#options.commands.get(command.commandType);
    if (registered === undefined) throw new TypeError(`${command.commandType} is not decided here`);
    const data = decodeData(registered.data, command.data);
    return this.decideWith(
      registered.aggregate,
      { aggregate, existence, principal, attempt, metadata, commandId },
      (state, context) => registered.decide(state, data, context),
      signal,
    );
  }

  /**
   * A decision on a state that is kept is verified by the append; a refusal is verified here: it stands if nothing has come
   * since.
   */
  async decideWith(
    aggregate: Aggregate,
    request: Pick<DecideRequest, 'aggregate' | 'existence' | 'principal' | 'attempt'> &
      Pick<DecideContext, 'metadata' | 'commandId'>,
    decide: Decide,
    signal: AbortSignal,
  ): Promise<Decided> {
    const { cache, reader } = this.#options;
    const { aggregate: stream, existence, attempt } = request;
    const kept = cache.get(stream);
    const read = kept
      ? attempt === 1
        ? kept
        : await this.#refreshed(aggregate, kept, { signal })
      : await reader.now(aggregate, stream, { signal });
    if (read !== kept) this.#keep(aggregate, read);
    const on = (base: ReadAggregate) => {
      guardExistence(existence, stream, base);
      return this.#decideOn(aggregate, base, request, decide, signal);
    };
    if (read !== kept) return on(read);
    try {
      return await on(read);
    } catch (error) {
      signal.throwIfAborted();
      const fresh = await this.#refreshed(aggregate, read, { signal });
      this.#keep(aggregate, fresh);
      if (fresh.version === read.version && fresh.deleted === read.deleted) throw error;
      return on(fresh);
    }
  }

  /** The aggregate as it is now, read from what is kept on. */
  async fresh(aggregate: Aggregate, stream: StreamId, options: ReadOptions): Promise<ReadAggregate> {
    const { cache, reader } = this.#options;
    const kept = options.includeDeleted ? undefined : cache.get(stream);
    const read = kept
      ? await this.#refreshed(aggregate, kept, options)
      : await reader.now(aggregate, stream, options);
    if (!options.includeDeleted) this.#keep(aggregate, read);
    return read;
  }

  async #refreshed(aggregate: Aggregate, kept: ReadAggregate, options: ReadOptions): Promise<ReadAggregate> {
    const { cache, reader } = this.#options;
    try {
      return await reader.since(aggregate, kept, options);
    } catch (error) {
      // Whatever it is, the state that was kept is in doubt.
      cache.delete(kept.stream);
      throw error;
    }
  }

  #keep(aggregate: Aggregate, read: ReadAggregate): void {
    const { cache } = this.#options;
    if (read.version > 0n && !read.deleted) cache.set(read, () => aggregate.toSnapshot(read.state));
    else cache.delete(read.stream);
  }

  async #decideOn(
    aggregate: Aggregate,
    base: ReadAggregate,
    request: Pick<DecideRequest, 'aggregate' | 'principal'> & Pick<DecideContext, 'metadata' | 'commandId'>,
    decide: Decide,
    signal: AbortSignal,
  ): Promise<Decided> {
    const { runtime, store } = this.#options;
    const version = base.deleted ? 0n : base.version;
    const queries = new Queries(store, signal);
    const context: DecideContext = {
      aggregate: request.aggregate,
      version,
      principal: request.principal,
      metadata: request.metadata,
      commandId: request.commandId,
      now: runtime.now(),
      newId: () => runtime.newEventId(),
      query: (query: Query, events: EventTypeRegistry<PayloadTypes> = aggregate.events) =>
        queries.query(query, events),
    };
    const decision = await decide(aggregate.copy(base.state), context);
    const {
      events,
      condition = 'QUERIED',
      checks = [],
    } = 'events' in decision ? decision : { events: decision };
    const guard = condition === 'QUERIED' ? queries.condition : condition === 'NONE' ? undefined : condition;
    const committed: Decided['committed'] = (now, recorded) =>
      this.#committed(aggregate, base, now, recorded);
    // What there is nothing of is left out, and not by spreads: each is as dear as to decide.
    if (guard === undefined && checks.length === 0) return { version, events, committed };
    return { version, events, ...(guard ? { condition: guard } : {}), checks, committed };
  }

  /** Folds the very events that stand in the log, so that what is kept is what a replay would give. */
  #committed(
    aggregate: Aggregate,
    base: Pick<ReadAggregate, 'stream' | 'state' | 'bytes' | 'snapshotVersion'>,
    version: bigint,
    events: readonly Event[],
  ): void {
    const { cache, snapshots, onFailure } = this.#options;
    if (events.length === 0) return;
    let state = aggregate.copy(base.state);
    let { bytes, snapshotVersion } = base;
    try {
      for (const event of events) {
        state = aggregate.fold(state, event);
        bytes += eventBytes(event);
      }
    } catch (error) {
      // It is committed; who reads it next gets the failure too.
      onFailure(error, `folding what ${base.stream.aggregateType} ${base.stream.aggregateId} has come to`);
      cache.delete(base.stream);
      return;
    }
    const every = aggregate.snapshots?.every;
    if (every !== undefined && version - snapshotVersion >= BigInt(every)) {
      snapshots.keep(aggregate, base.stream, version, state);
      snapshotVersion = version;
    }
    this.#keep(aggregate, {
      stream: base.stream,
      version,
      deleted: false,
      state,
      snapshotVersion,
      bytes,
      readTo: undefined,
    });
  }
}
