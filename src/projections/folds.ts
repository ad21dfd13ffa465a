import { UnknownEventTypeError } from '../core/payload-errors.js';
import type { Event } from '../core/event.js';
import type { PassedEvent } from '../core/event-types.js';

/** What gives events their payloads: an `EventTypeRegistry`. */
export interface EventDecoder<E extends Event = Event> {
  decodeEach(event: Event): readonly E[];
}

/** Those that have a payload, or all where nothing is decoded. */
export type Known<E extends Event> = Exclude<E, PassedEvent>;

/**
 * By event type, what becomes of a state. `*` is for all that have no fold of their own, erased events and the store's own
 * (`$…`) among them; without it these change nothing. Folds give the next state and leave the one that they are given as
 * it is.
 */
export type Folds<State, E extends Event> = {
  readonly [Type in Known<E>['eventType']]?: Fold<State, Extract<Known<E>, { readonly eventType: Type }>>;
} & { readonly '*'?: Fold<State, E> };

export type Fold<State, E extends Event> = (state: State, event: E) => State | Promise<State>;

/**
 * The event as its handlers get it, each with the handler that is for it; what has none is left out, also where the decoder
 * does not know its type. Throws `PayloadError`.
 */
export function handled<E extends Event, Handler>(
  event: Event,
  decoder: EventDecoder<E> | undefined,
  handlers: Readonly<Record<string, Handler | undefined>>,
): readonly { readonly event: E; readonly handler: Handler }[] {
  const catchAll = handlers['*'];
  return decoded(event, decoder, catchAll !== undefined).flatMap((one) => {
    const own = one.erased !== true && Object.hasOwn(handlers, one.eventType);
    const handler = (own ? handlers[one.eventType] : undefined) ?? catchAll;
    return handler === undefined ? [] : [{ event: one, handler }];
  });
}

function decoded<E extends Event>(
  event: Event,
  decoder: EventDecoder<E> | undefined,
  all: boolean,
): readonly E[] {
  try {
    return decoder?.decodeEach(event) ?? [event as E];
  } catch (error) {
    if (error instanceof UnknownEventTypeError && !all) return [];
    throw error;
  }
}
