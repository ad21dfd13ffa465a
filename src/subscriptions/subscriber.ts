import type { CallOptions } from '../core/event-store.js';
import type { Log } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateSubscribe } from '../core/validate-read.js';
import type { ProgressOptions } from './live-feed.js';
import { subscription } from './subscription.js';
import { Tail, type TailOptions } from './tail.js';

/** What a {@link Subscriber} needs. */
export interface SubscriberOptions {
  readonly log: Log;
  readonly runtime: Runtime;
  readonly tail?: TailOptions;
  readonly progress?: ProgressOptions;
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
  return {
    async *subscribe(request, call = {}) {
      validateSubscribe(request);
      yield* subscription({ ...options, tail }, request, call.signal ?? new AbortController().signal);
    },
    get followers() {
      return tail.followers;
    },
  };
}
