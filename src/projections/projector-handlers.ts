import type { DecodedEvent, PassedEvent, PayloadTypes, TypedEvent } from '../core/event-types.js';
import type { Event } from '../core/event.js';
import { UnknownEventTypeError } from '../core/payload-errors.js';
import { FILTER_NAMES } from '../core/limits.js';
import type { ProjectionLease } from '../core/projections.js';
import type { EventSelection } from '../core/selection.js';
import type { EventDecoder } from './folds.js';

/** What a handler is told beside the event. */
export interface HandlerContext {
  /** As stored. */
  readonly event: Event;
  /** Aborted when the lease is lost: what is done afterwards is not kept. */
  readonly signal: AbortSignal;
  readonly generation: bigint;
  /** Else it is being built. */
  readonly live: boolean;
  /** How often this generation has begun anew. */
  readonly resetNumber: bigint;
}

/** Adds something to the context of handlers, such as `emit`. */
export interface ContextExtension<More extends object> {
  /** For one generation, under one lease. */
  open(lease: ProjectionLease, signal: AbortSignal): Promise<OpenExtension<More>>;
}

export interface OpenExtension<More extends object> {
  /** For one event; `undefined`: it is not to be handled. */
  begin(context: HandlerContext): ExtendedContext<More> | undefined;
  /** Deletes what was written because of handlers. */
  deleteEmitted?(signal: AbortSignal): Promise<void>;
}

export interface ExtendedContext<More extends object> {
  /** What the context has beside its own. */
  readonly more: More;
  /** What the event's handlers asked for is to be done now, before the position is kept; so it may be done again. */
  done(signal: AbortSignal): Promise<void>;
}

/** Any type that the registry does not know; without a registry, every type. */
export type EventHandlers<
  State,
  Types extends PayloadTypes,
  Result,
  Rest extends readonly unknown[],
> = string extends keyof Types
  ? UntypedHandlers<State, Result, Rest>
  : [keyof Types] extends [never]
    ? UntypedHandlers<State, Result, Rest>
    : {
        readonly [Type in keyof Types & string]?: (
          first: State,
          event: TypedEvent<Type, Types[Type]['output']>,
          ...rest: Rest
        ) => Result | Promise<Result>;
      } & {
        readonly '*'?: (
          first: State,
          event: DecodedEvent<Types> | PassedEvent,
          ...rest: Rest
        ) => Result | Promise<Result>;
      };

type UntypedHandlers<State, Result, Rest extends readonly unknown[]> = Readonly<
  Record<string, (first: State, event: Event, ...rest: Rest) => Result | Promise<Result>>
>;

type Handler<Arguments extends readonly unknown[], Result> = (...all: Arguments) => Result | Promise<Result>;

/** Finds who handles an event. */
export class HandlerTable<Types extends PayloadTypes, Arguments extends readonly unknown[], Result> {
  readonly #handlers: ReadonlyMap<string, Handler<Arguments, Result>>;
  readonly #events: EventDecoder | undefined;

  constructor(
    handlers: Readonly<Record<string, Handler<Arguments, Result> | undefined>>,
    events: EventDecoder | undefined,
  ) {
    this.#handlers = new Map(
      Object.entries(handlers).filter((entry): entry is [string, Handler<Arguments, Result>] => !!entry[1]),
    );
    this.#events = events;
  }

  /** Mostly one; several or none where upcasters make several events or none, or nobody handles it. */
  handlersOf(event: Event): readonly {
    readonly handler: Handler<Arguments, Result>;
    readonly event: DecodedEvent<Types> | Event;
  }[] {
    const others = this.#handlers.get('*');
    return this.#decoded(event).flatMap((one) => {
      // Erased, or of a type that nobody registered, it has nothing that a handler of its type could be given.
      const empty = event.erased === true || ('payload' in one && one.payload === undefined);
      const handler = empty ? others : (this.#handlers.get(one.eventType) ?? others);
      return handler ? [{ handler, event: one }] : [];
    });
  }

  #decoded(event: Event): readonly (DecodedEvent<Types> | Event)[] {
    if (this.#events === undefined) return [event];
    try {
      return this.#events.decodeEach(event);
    } catch (error) {
      if (error instanceof UnknownEventTypeError && !this.#handlers.has('*')) return [];
      throw error;
    }
  }
}

/** The selection of a projector: as it says, and where it says nothing, what its handlers can take. */
export function selectionOf({
  from = {},
  on,
  events,
}: {
  readonly from?: EventSelection;
  readonly on: object;
  readonly events?: object;
}): EventSelection {
  const types = Object.keys(on);
  // With a registry a type may have had other names before.
  const narrow = from.filters === undefined && events === undefined && !types.includes('*');
  if (!narrow || types.length === 0 || types.length > FILTER_NAMES) return from;
  return { ...from, filters: [{ eventTypes: types }] };
}
