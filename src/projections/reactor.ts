import type { CallOptions } from '../core/call-options.js';
import type { Command, Executed } from '../core/command.js';
import type { Event, Microseconds, NewEvent } from '../core/event.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { EventSelection } from '../core/selection.js';
import type { StreamId } from '../core/stream.js';
import type { SubscribeStart } from '../core/subscribe.js';
import type { EventDecoder, Known } from './folds.js';
import type { ProjectionWork } from './projection-work.js';
import { HandlerTable, selectionOf } from './projector-handlers.js';
import { type AnyReactor, ReactorGeneration, type ReactorParts } from './reactor-generation.js';

/** What answers events with events, commands and deadlines. */
export interface ReactorDefinition<E extends Event = Event> {
  /** 1 to 255 bytes. It is part of the ids of all that the reactor does: under another name it does it all again. */
  readonly name: string;
  /**
   * Raise it when the reactions change: the next start goes through the log anew beside the one that is live, and takes its
   * place. What was answered before is not answered again.
   * @default 1
   */
  readonly version?: number;
  /** @default the whole log; without `*` and `events` only the types that have reactions */
  readonly from?: EventSelection;
  /** Where it begins. @default before the first event */
  readonly start?: SubscribeStart;
  /** Gives the events their payloads. @default they come as they are stored */
  readonly events?: EventDecoder<E>;
  /**
   * Aggregate types to which nobody else appends. Its own streams are not answered, and they are what is deleted when it is
   * reset or deleted with what it emitted.
   * @default none
   */
  readonly emits?: readonly string[];
  /**
   * Events whose appends may be under way at the same time, from 1 to 256; they keep their order. With more than 1 a reaction
   * does not find in the store what the one before it has appended, and where an append is refused some behind it are made
   * already: for reactions that look at nothing but their event.
   * @default 1
   */
  readonly window?: number;
  /** By event type; `*` is for all that have no reaction of their own, and for what has no payload. */
  readonly on: NoInfer<Reactions<E>>;
}

export type Reactions<E extends Event> = {
  readonly [Type in Known<E>['eventType']]?: Reaction<Extract<Known<E>, { readonly eventType: Type }>>;
} & { readonly '*'?: Reaction<E> };

/** What it throws is decided about as for any projection: fail, retry, ignore. It may be called again for the same event. */
export type Reaction<E extends Event> = (event: E, context: ReactorContext) => void | Promise<void>;

/**
 * What a reaction can do. Ids are derived from the reactor, the event and the place among its effects, so that a reaction
 * that runs again, after a crash say, has its effects once; what was done the first time stands, even if it would do
 * something else now.
 */
export interface ReactorContext {
  /** Aborted when the lease of the reactor is lost: who goes on then does so in vain. */
  readonly signal: AbortSignal;
  /** Appends an event, with all others of this reaction in one append when the reaction is done; at most 1,000. */
  readonly append: (stream: StreamId, event: NewEvent) => void;
  /** Appends an event that points at another one. */
  readonly linkTo: (stream: StreamId, event: Event) => void;
  /**
   * Sends a command at once, with an id of its own unless it has one; fails as `CommandBus` does. A refusal is kept nowhere,
   * so that the command is decided again if the reaction runs again.
   */
  readonly execute: (command: Command, options?: CallOptions) => Promise<Executed>;
  /** Has an event appended later, unless it is cancelled. Survives restarts. At most 10,000 and 3.5 MiB may be pending. */
  readonly schedule: (deadline: NewDeadline) => void;
  /** Takes back what was scheduled under a key, by whatever event. Nothing happens if it came true already. */
  readonly cancel: (key: string) => void;
}

/** A time-out: an event that comes true later. */
export interface NewDeadline {
  /** When. One that is past comes true at once. @default so many milliseconds after the event */
  readonly at?: Microseconds;
  /** Milliseconds after the event that is answered was recorded. @default 0 */
  readonly afterMs?: number;
  readonly stream: StreamId;
  readonly event: NewEvent;
  /** Under which it is cancelled; what is scheduled under the same key takes its place. @default it cannot be cancelled */
  readonly key?: string;
}

export interface Reactor {
  readonly name: string;
  /** What `runProjection` runs. */
  work(parts: ReactorParts): ProjectionWork;
}

/**
 * Defines a reactor: what is done about events. At least once, with effects that are there once.
 *
 * @example
 * const welcome = defineReactor({
 *   name: 'welcome',
 *   events: accountEvents,
 *   on: {
 *     AccountOpened: (event, context) =>
 *       context.append({ aggregateType: 'Mail', aggregateId: event.stream.aggregateId }, mailEvents.encode('Sent', {})),
 *   },
 * });
 */
export function defineReactor<E extends Event = Event>(definition: ReactorDefinition<E>): Reactor {
  const { name, version = 1, start, emits = [], window = 1 } = definition;
  if (!(Number.isInteger(window) && window >= 1 && window <= 256))
    throw new RangeError(`The window of reactor ${name} is ${window}, it must be from 1 to 256`);
  const reactions = new HandlerTable<PayloadTypes, [Event, ReactorContext], void>(
    definition.on as never,
    definition.events,
  );
  const selection = selectionOf(definition);
  const reactor: AnyReactor = { name, emits, selection, window, reactions };
  return {
    name,
    work: (parts) => ({
      name,
      kind: 'REACTOR',
      definitionVersion: version,
      selection,
      ...(start === undefined ? {} : { start }),
      open: (lease, signal) => ReactorGeneration.open(reactor, parts, lease, signal),
    }),
  };
}
