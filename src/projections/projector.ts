import type { CallOptions } from '../core/call-options.js';
import { HeadwaterError } from '../core/errors.js';
import { json } from '../core/json-codec.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type { DecodedEvent, EventTypeRegistry, PayloadTypes } from '../core/event-types.js';
import type { Event } from '../core/event.js';
import type { ProjectionLease, ProjectionLeases } from '../core/projections.js';
import type { EventSelection } from '../core/selection.js';
import type { LogPosition, SubscribeStart } from '../core/subscribe.js';
import { ofAnotherKind } from './another-kind.js';
import { type Batch, type GenerationWork, HandlerError, type ProjectionWork } from './projection-work.js';
import { mayPass } from './runner-backoff.js';
import {
  type ContextExtension,
  type EventHandlers,
  type HandlerContext,
  HandlerTable,
  type OpenExtension,
  selectionOf,
} from './projector-handlers.js';

/** A projector whose state is kept by the service, together with its position. */
export interface ProjectorDefinition<State, Types extends PayloadTypes, More extends object> {
  /** 1 to 255 bytes, no control characters, no `$` in front; one projection of that name runs at a time. */
  readonly name: string;
  /**
   * Raise it when the handlers change: the next start builds the state anew beside the one that is read, and swaps.
   * @default 1
   */
  readonly version?: number;
  /**
   * Which events: of the whole log, one stream, several or some types of aggregates, and filters.
   * @default the whole log; without `*` and `events` only the types that have handlers
   */
  readonly from?: EventSelection;
  /** @default before the first event */
  readonly start?: SubscribeStart;
  readonly initialState: () => State;
  /**
   * What becomes of the state, by event type; `*` for all others. What throws is an event that could not be handled. A
   * handler must not count on being called once: after a failure the batch is handled again, from the state before it.
   */
  readonly on: EventHandlers<State, Types, State, [HandlerContext & More]>;
  /** Decodes the events, which without it are as stored. Without a handler an event of an unknown type passes by. */
  readonly events?: EventTypeRegistry<Types>;
  /**
   * How the state is written; at most 4 MiB.
   * @default JSON
   */
  readonly codec?: PayloadCodec<State>;
  /** More in the handlers' context, such as `emit`. */
  readonly extension?: ContextExtension<More>;
}

/** A state, and how much of the log is in it. */
export interface ProjectedState<State> {
  readonly state: State;
  readonly position: LogPosition;
  readonly generation: bigint;
}

export interface Projector<State> {
  readonly name: string;
  /** What `runProjection` runs. */
  work(projections: ProjectionLeases): ProjectionWork;
  /** The live state; the initial one before the first event. Fails as `ProjectionLeases.load` does. */
  stateOf(projections: ProjectionLeases, options?: StateOptions): Promise<ProjectedState<State>>;
}

export interface StateOptions extends CallOptions {
  /** What was appended there must be in the state: waits for it, and fails with `PositionNotReachedError` in the end. */
  readonly minPosition?: LogPosition | bigint;
}

/**
 * Defines a projector: from a state and an event, the next state. State and position are kept together by the service.
 *
 * @example
 * const totals = defineProjector({
 *   name: 'totals',
 *   events: accountEvents,
 *   initialState: () => ({ deposited: 0 }),
 *   on: { Deposited: ({ deposited }, { payload }) => ({ deposited: deposited + payload.amount }) },
 * });
 */
export function defineProjector<
  State,
  Types extends PayloadTypes = Record<never, never>,
  More extends object = object,
>(definition: ProjectorDefinition<State, Types, More>): Projector<State> {
  const { name, version = 1, start, initialState, codec = json<State>() } = definition;
  const table = new HandlerTable<Types, [State, DecodedEvent<Types> | Event, HandlerContext & More], State>(
    definition.on as never,
    definition.events,
  );
  const kept = { codec, initialState };
  return {
    name,
    work: (projections) => ({
      name,
      kind: 'STATE',
      definitionVersion: version,
      selection: selectionOf(definition),
      ...(start ? { start } : {}),
      open: async (lease, signal) => {
        const { position, state } = await projections.load(
          { name, generation: lease.generation },
          { signal },
        );
        const extension = await definition.extension?.open(lease, signal);
        const parts = { projections, lease, table, ...kept, extension };
        const stands = position.position === 0n && state.byteLength === 0 ? undefined : position;
        return new StateGeneration<State, Types, More>(parts, stands, state);
      },
    }),
    stateOf: async (projections, options) => {
      const saved = await load(projections, name, options);
      return { ...saved, state: decoded(kept, saved.state) };
    },
  };
}

/** The live state of a projection, whoever defined it, as JSON says it; `undefined` if none was kept yet. */
export async function stateOf(
  projections: ProjectionLeases,
  name: string,
  options?: StateOptions,
): Promise<ProjectedState<unknown>> {
  const saved = await load(projections, name, options);
  const state = saved.state.byteLength === 0 ? undefined : json().parse(saved.state, saved.contentType);
  return { ...saved, state };
}

async function load(projections: ProjectionLeases, name: string, options: StateOptions = {}) {
  const { minPosition, ...call } = options;
  const wanted = typeof minPosition === 'bigint' ? { position: minPosition } : minPosition;
  const { kind, state, contentType, position, generation } = await projections.load(
    { name, ...(wanted ? { minPosition: wanted } : {}) },
    call,
  );
  if (kind !== 'STATE') throw ofAnotherKind(name, kind);
  return { state, contentType, position, generation };
}

interface Kept<State> {
  readonly codec: PayloadCodec<State>;
  readonly initialState: () => State;
}

interface GenerationParts<State, Types extends PayloadTypes, More extends object> extends Kept<State> {
  readonly projections: ProjectionLeases;
  readonly lease: ProjectionLease;
  readonly table: HandlerTable<Types, [State, DecodedEvent<Types> | Event, HandlerContext & More], State>;
  readonly extension: OpenExtension<More> | undefined;
}

class StateGeneration<State, Types extends PayloadTypes, More extends object> implements GenerationWork {
  position: LogPosition | undefined;
  readonly #parts: GenerationParts<State, Types, More>;
  #state: State;
  #bytes: Uint8Array;
  #resetNumber = 0n;
  /** What the service has is not known: the last save failed. */
  #inDoubt = false;

  constructor(
    parts: GenerationParts<State, Types, More>,
    position: LogPosition | undefined,
    bytes: Uint8Array,
  ) {
    this.#parts = parts;
    this.position = position;
    this.#bytes = bytes;
    this.#state = decoded(parts, bytes);
  }

  async handle({ events, upTo }: Batch, signal: AbortSignal): Promise<void> {
    const { projections, lease, codec } = this.#parts;
    if (this.#inDoubt) await this.#reload(signal);
    if (this.position !== undefined && this.position.position >= upTo.position) return;
    const state = await this.#fold(events, signal);
    const changed = events.length > 0;
    const bytes = changed ? codec.encode(state) : this.#bytes;
    this.#inDoubt = true;
    await projections.save(
      lease,
      { position: upTo, ...(changed ? { state: bytes, contentType: codec.contentType } : {}) },
      { signal },
    );
    this.#inDoubt = false;
    this.#state = state;
    this.#bytes = bytes;
    this.position = upTo;
  }

  async reset(
    { resetNumber, deleteEmitted }: { readonly resetNumber: bigint; readonly deleteEmitted: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { projections, lease, initialState, extension } = this.#parts;
    if (deleteEmitted) await extension?.deleteEmitted?.(signal);
    await projections.save(lease, { position: { position: 0n }, resetDone: resetNumber }, { signal });
    this.#resetNumber = resetNumber;
    this.#inDoubt = false;
    this.#bytes = new Uint8Array();
    this.#state = initialState();
    this.position = undefined;
  }

  async delete({ deleteEmitted }: { readonly deleteEmitted: boolean }, signal: AbortSignal): Promise<void> {
    if (deleteEmitted) await this.#parts.extension?.deleteEmitted?.(signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Handlers may change the state that they are given: after a failure it is made anew from what was kept. */
  async #fold(events: readonly Event[], signal: AbortSignal): Promise<State> {
    const { table, lease, extension } = this.#parts;
    let state = this.#state;
    for (const event of events) {
      signal.throwIfAborted();
      const { generation, live } = lease;
      const context = { event, signal, generation, live, resetNumber: this.#resetNumber };
      const extended = extension?.begin(context);
      if (extension && !extended) continue;
      try {
        for (const { handler, event: decodedEvent } of table.handlersOf(event))
          state = await handler(state, decodedEvent, { ...context, ...(extended?.more as More) });
        await extended?.done(signal);
      } catch (error) {
        this.#state = decoded(this.#parts, this.#bytes);
        signal.throwIfAborted();
        if (error instanceof HeadwaterError && mayPass(error)) throw error;
        throw new HandlerError(event, error);
      }
    }
    return state;
  }

  async #reload(signal: AbortSignal): Promise<void> {
    const { projections, lease } = this.#parts;
    const saved = await projections.load({ name: lease.name, generation: lease.generation }, { signal });
    this.#bytes = saved.state;
    this.#state = decoded(this.#parts, saved.state);
    if (saved.position.position > 0n) this.position = saved.position;
    this.#inDoubt = false;
  }
}

function decoded<State>({ codec, initialState }: Kept<State>, bytes: Uint8Array): State {
  return bytes.byteLength === 0 ? initialState() : codec.validate(codec.parse(bytes, codec.contentType));
}
