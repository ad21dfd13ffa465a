import type { Event } from '../core/event.js';
import type { PassedEvent } from '../core/event-types.js';

/** What gives events their payloads: an `EventTypeRegistry`. */
export interface EventDecoder<E extends Event = Event> {
  decodeEach(event: Event): readonly E[];
}

/** Those that have a payload, or all where nothing is decoded. */
export type Known<E extends Event> = Exclude<E, PassedEvent>;

/**
 * By event type, what becomes of a state. `*` is for all that have no fold of their own, and for what has no payload, such as
 * erased events and the store's own (`$…`); without it these change nothing. Folds give the next state and leave the one that they are given as
 * it is.
 */
export type Folds<State, E extends Event> = {
  readonly [Type in Known<E>['eventType']]?: Fold<State, Extract<Known<E>, { readonly eventType: Type }>>;
} & { readonly '*'?: Fold<State, E> };

export type Fold<State, E extends Event> = (state: State, event: E) => State | Promise<State>;
