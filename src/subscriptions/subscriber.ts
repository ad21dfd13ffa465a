import type { CallOptions } from '../core/event-store.js';
import type { Log } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { Subscription } from './subscription.js';
import { Tail, type TailOptions } from './tail.js';

/** What a {@link Subscriber} needs. */
export interface SubscriberOptions {
  readonly log: Log;
  readonly runtime: Runtime;
  readonly tail?: TailOptions;
  /**
   * What a subscription fails with instead, unless it was aborted.
   * @default the same
   */
  readonly errorFor?: (error: unknown) => Error;
}

/** Serves the subscriptions to one log: one tail reader, however many follow. */
export interface Subscriber {
  /** See `EventStore.subscribe`. */
  subscribe(request: SubscribeRequest, options?: CallOptions): AsyncIterable<SubscriptionMessage>;
  /** How many subscriptions are open. */
  readonly followers: number;
}

export function createSubscriber(options: SubscriberOptions): Subscriber {
  const tail = new Tail(options.log, options.runtime, options.tail);
  const parts = { ...options, tail };
  return {
    subscribe: (request, { signal = new AbortController().signal } = {}) =>
      new Subscription(parts, request, signal),
    get followers() {
      return tail.followers;
    },
  };
}
