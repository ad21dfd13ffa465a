import type { AppendOutcome, AppendRequest } from './append.js';
import type { CallOptions } from './call-options.js';
import type { Event, NewEvent } from './event.js';
import type { LoadPage, LoadRequest } from './load.js';
import type { SubscribeRequest, SubscriptionMessage } from './subscribe.js';

/** Appends: refusals are answers, failures are thrown. */
export type AppendHandler = (request: AppendRequest, options: CallOptions) => Promise<AppendOutcome>;
export type LoadHandler = (request: LoadRequest, options: CallOptions) => AsyncIterable<LoadPage>;
export type SubscribeHandler = (
  request: SubscribeRequest,
  options: CallOptions,
) => AsyncIterable<SubscriptionMessage>;

/**
 * Wraps what a store does: enriches, refuses or transforms what is appended, and transforms what is read. Of several, the
 * first is the outermost: it sees an append first and what is read last. Within one middleware `append`, `load` and
 * `subscribe` stand around the simpler shapes.
 *
 * What it throws: an `AppendRefusedError`, or another `HeadwaterError`, is what the caller gets. An error whose `reason` is
 * `APPEND_REFUSED` counts as the former, for modules that cannot import the class. Anything else becomes INTERNAL with an
 * id, and its message goes nowhere.
 *
 * What it does not see: changes of streams, lists and counts. And the store narrows by what is stored: a filter for a tag
 * that only `onLoad` adds finds nothing.
 *
 * @example
 * const stamped: StoreMiddleware = {
 *   name: 'region',
 *   beforeAppend: (event) => ({ ...event, metadata: { ...event.metadata, region: 'eu' } }),
 * };
 */
export interface StoreMiddleware {
  /** In errors and logs. */
  readonly name: string;

  /**
   * The event to store instead, as the caller sent it: not validated yet, which the store does with the result. Refuses the
   * append by throwing `AppendRefusedError`. Called for each event in turn.
   *
   * Appends reach the store in the order in which they came, so one that takes its time holds those behind it.
   *
   * A repeat is known by the data as the caller sent it, so the result may differ from time to time.
   */
  readonly beforeAppend?: (event: NewEvent, request: AppendRequest) => NewEvent | Promise<NewEvent>;

  /**
   * Told what became of an append that the store decided, before the caller is; also of refusals, and of repeats
   * (`deduplicated`). The request is as this middleware handed it on. Failed appends are not told.
   *
   * What is committed stays committed: if this throws, the failure is reported (`MiddlewareOptions`), and the caller gets
   * the answer all the same. It may also never be called, when the process ends in between: for what must happen, follow
   * the log.
   */
  readonly afterAppend?: (outcome: AppendOutcome, request: AppendRequest) => void | Promise<void>;

  /**
   * The event to give instead: in loads, subscriptions, and with the refusal of an append. Its id, stream, version and
   * position must stay. Not called for the store's own events (`$…`) and erased ones, which `beforeAppend` never saw or of
   * which nothing is left. A subscriber's events are transformed for each subscriber.
   */
  readonly onLoad?: (event: Event) => Event | Promise<Event>;

  /**
   * Around a whole append. Made anew for each append, so state belongs outside. Where it changes data, use `withData`, so
   * that a repeat is known. What it throws after `next` has answered that the append is committed is reported only.
   */
  readonly append?: (next: AppendHandler) => AppendHandler;
  /** Around a load. Made anew for each load. */
  readonly load?: (next: LoadHandler) => LoadHandler;
  /** Around a subscription. Made anew for each. */
  readonly subscribe?: (next: SubscribeHandler) => SubscribeHandler;
}

/** The middleware of every namespace, or what makes that of each: keys of its own for each tenant, say. */
export type NamespaceMiddleware =
  | readonly StoreMiddleware[]
  | ((namespace: string) => readonly StoreMiddleware[]);
