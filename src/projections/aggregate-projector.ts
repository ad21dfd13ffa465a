import type { Event } from '../core/event.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { EventLog } from '../core/event-store.js';
import { json } from '../core/json-codec.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type { ProjectionFailure, ProjectionLeases } from '../core/projections.js';
import type { Runtime } from '../core/runtime.js';
import type { EventSelection } from '../core/selection.js';
import type { StreamId } from '../core/stream.js';
import type { LogPosition, SubscribeStart } from '../core/subscribe.js';
import { ofAnotherKind } from './another-kind.js';
import { AggregatesGeneration, type AnyAggregateProjector } from './aggregates-generation.js';
import type { EventDecoder, Folds } from './folds.js';
import type { OnHandlerFailure, ProjectionWork } from './projection-work.js';
import { HandlerTable, selectionOf } from './projector-handlers.js';
import type { StateOptions } from './projector.js';

/** A projector that keeps a state and a version for each aggregate, and gets on without those that fail. */
export interface AggregateProjectorDefinition<State, E extends Event = Event> {
  /** 1 to 255 bytes, no control characters, no `$` in front; one projection of that name runs at a time. */
  readonly name: string;
  /**
   * Raise it when the folds change: the next start builds all states anew beside those that are read, and swaps.
   * @default 1
   */
  readonly version?: number;
  /** @default the whole log; without `*` and `events` only the types that have folds */
  readonly from?: EventSelection;
  /** @default before the first event */
  readonly start?: SubscribeStart;
  /** Of an aggregate. */
  readonly initialState: () => State;
  /** What becomes of the state of the event's aggregate. May be called again for an event whose state was not kept. */
  readonly on: NoInfer<Folds<State, E>>;
  /** Gives the events their payloads. @default they come as they are stored */
  readonly events?: EventDecoder<E>;
  /** How a state is written; at most 3 MiB. @default JSON */
  readonly codec?: PayloadCodec<State>;
  /**
   * What becomes of an aggregate whose event has failed: `FAIL` leaves it as it is until somebody has it tried again or
   * begun anew, `RETRY` tries that event again, `IGNORE` leaves the event out. The other aggregates go on in any case.
   * @default it is tried again after 1 s, 2 s, 4 s … up to an hour, ten times in all
   */
  readonly onFailure?: OnHandlerFailure;
  /** Aggregates that are handled side by side; events of one are handled in order. @default 8 */
  readonly workers?: number;
  /** Aggregates whose states are kept in memory. @default 10_000 */
  readonly cachedAggregates?: number;
}

/** What is known of an aggregate. */
export interface ProjectedAggregate<State> {
  readonly stream: StreamId;
  readonly state: State;
  /** Of the last event that is in the state; 0: none. */
  readonly version: bigint;
  /** Why it stands still, if it does. */
  readonly failure: ProjectionFailure | undefined;
  /** How far the projection has come: the state of an aggregate that has not failed is that of this position. */
  readonly position: LogPosition;
  readonly generation: bigint;
}

export interface AggregateProjectorParts {
  readonly eventStore: Pick<EventLog, 'load'>;
  readonly projections: Pick<ProjectionLeases, 'load' | 'save'>;
  readonly runtime: Pick<Runtime, 'now' | 'monotonic' | 'sleep'>;
}

export interface AggregateProjector<State> {
  readonly name: string;
  /** What `runProjection` runs. */
  work(parts: AggregateProjectorParts): ProjectionWork;
  /** The live state of an aggregate; `undefined` if none of its events was handled yet. Fails as `ProjectionLeases.load` does. */
  stateOf(
    projections: Pick<ProjectionLeases, 'load'>,
    stream: StreamId,
    options?: StateOptions,
  ): Promise<ProjectedAggregate<State> | undefined>;
}

/**
 * Defines a projector with a state for each aggregate, kept by the service together with its version.
 *
 * @example
 * const balances = defineAggregateProjector({
 *   name: 'balances',
 *   events: accountEvents,
 *   initialState: () => ({ balance: 0 }),
 *   on: { Deposited: ({ balance }, { payload }) => ({ balance: balance + payload.amount }) },
 * });
 */
export function defineAggregateProjector<State, E extends Event = Event>(
  definition: AggregateProjectorDefinition<State, E>,
): AggregateProjector<State> {
  const { name, version = 1, start, initialState, codec = json<State>() } = definition;
  const selection = selectionOf(definition);
  const projector: AnyAggregateProjector<State> = {
    name,
    selection,
    initialState,
    codec,
    folds: new HandlerTable<PayloadTypes, [State, Event], State>(definition.on as never, definition.events),
    onFailure: definition.onFailure ?? retriedTenTimes,
    workers: definition.workers ?? 8,
    cachedAggregates: definition.cachedAggregates ?? 10_000,
  };
  return {
    name,
    work: (parts) => {
      // Other projectors take `projections` alone; plain JavaScript is told at once.
      if (parts.projections === undefined || parts.eventStore === undefined || parts.runtime === undefined)
        throw new TypeError(`work of ${name} takes { eventStore, projections, runtime }`);
      return {
        name,
        kind: 'AGGREGATES',
        definitionVersion: version,
        selection,
        ...(start === undefined ? {} : { start }),
        open: (lease, signal) => AggregatesGeneration.open(projector, parts, lease, signal),
      };
    },
    stateOf: async (projections, stream, options = {}) => {
      const { minPosition, ...call } = options;
      const wanted = typeof minPosition === 'bigint' ? { position: minPosition } : minPosition;
      const { kind, aggregates, position, generation, contentType } = await projections.load(
        { name, streams: [stream], ...(wanted === undefined ? {} : { minPosition: wanted }) },
        call,
      );
      if (kind !== 'AGGREGATES') throw ofAnotherKind(name, kind);
      const [found] = aggregates;
      if (found === undefined) return undefined;
      const { state: bytes, ...known } = found;
      const state = bytes.byteLength === 0 ? initialState() : codec.validate(codec.parse(bytes, contentType));
      return { ...known, state, position, generation };
    },
  };
}

const retriedTenTimes: OnHandlerFailure = (_error, _event, attempt) =>
  attempt >= 10
    ? { kind: 'FAIL' }
    : { kind: 'RETRY', afterMs: Math.min(1000 * 2 ** (attempt - 1), 3_600_000) };
