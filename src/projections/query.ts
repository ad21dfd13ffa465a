import type { Event } from '../core/event.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { EventLog } from '../core/event-store.js';
import type { LoadRequest } from '../core/load.js';
import type { EventSelection } from '../core/selection.js';
import type { EventDecoder, Folds } from './folds.js';
import { HandlerTable, selectionOf } from './projector-handlers.js';

export interface QueryOptions<State, E extends Event>
  extends Pick<LoadRequest, 'direction' | 'includeDeleted' | 'minPosition' | 'staleOk'> {
  /**
   * One stream, several merged in log order, aggregate types, or any selection.
   * @default the whole log
   */
  readonly from?: EventSelection;
  readonly initialState: State;
  readonly on: NoInfer<Folds<State, E>>;
  /** Gives the events their payloads. @default they come as they are stored */
  readonly events?: EventDecoder<E>;
  /** At most so many events of the selection. @default all */
  readonly limit?: bigint;
  /** Ends the query, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Folds events into a state, once; nothing is stored. Ends with what is in the log when it begins. Fails as `load` does,
 * with `PayloadError`, and with what a fold throws.
 *
 * @example
 * const total = await query(store, {
 *   from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } },
 *   events: accountEvents,
 *   initialState: 0,
 *   on: { Deposited: (sum, { payload }) => sum + payload.amount },
 * });
 */
export async function query<State, E extends Event = Event>(
  store: Pick<EventLog, 'load'>,
  options: QueryOptions<State, E>,
): Promise<State> {
  const { from = {}, initialState, on, events: decoder, limit, signal, direction } = options;
  const folds = new HandlerTable<PayloadTypes, [State, Event], State>(on as never, decoder);
  const request: LoadRequest = {
    // A limit counts what is selected, whether it is folded or not.
    ...(limit === undefined ? selectionOf({ from, on, ...(decoder && { events: decoder }) }) : from),
    ...(direction === undefined ? {} : { direction }),
    ...(limit === undefined ? {} : { limit }),
    ...(options.includeDeleted === undefined ? {} : { includeDeleted: options.includeDeleted }),
    ...(options.minPosition === undefined ? {} : { minPosition: options.minPosition }),
    ...(options.staleOk === undefined ? {} : { staleOk: options.staleOk }),
  };
  let state = initialState;
  signal?.throwIfAborted();
  for await (const page of store.load(request, signal === undefined ? {} : { signal })) {
    for (const stored of page.events)
      for (const { event, handler } of folds.handlersOf(stored)) state = await handler(state, event);
    signal?.throwIfAborted();
  }
  return state;
}
