import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import { WrongExpectedVersionError } from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateAppend } from '../core/validate-append.js';
import { validateLoad } from '../core/validate-read.js';
import { createSubscriber, type Subscriber, type SubscriberOptions } from '../subscriptions/subscriber.js';
import { MemoryLog } from './memory-log.js';
import { copied } from './pages.js';

/** What a store in memory may be told. */
export interface MemoryEventStoreOptions {
  readonly runtime: Runtime;
  /** @default those of the service */
  readonly limits?: Limits;
  readonly subscriptions?: Pick<SubscriberOptions, 'tail' | 'progress'>;
}

/**
 * An event store in memory, for tests: it passes the same contract suite as the one on Postgres. What is in it is gone
 * with the process. Nothing is shared with the caller: what he changes afterwards changes nothing here.
 *
 * @example
 * const store = createMemoryEventStore({ runtime: systemRuntime });
 */
export function createMemoryEventStore(options: MemoryEventStoreOptions): EventStore {
  return new MemoryEventStore(options);
}

class MemoryEventStore implements EventStore {
  readonly #log: MemoryLog;
  readonly #limits: Limits;
  readonly #subscriber: Subscriber;

  constructor({ runtime, limits = DEFAULT_LIMITS, subscriptions = {} }: MemoryEventStoreOptions) {
    this.#log = new MemoryLog(runtime);
    this.#limits = limits;
    this.#subscriber = createSubscriber({ ...subscriptions, log: this.#log, runtime });
  }

  append(
    request: AppendRequest & { readonly onConflict: 'RETURN' },
    options?: CallOptions,
  ): Promise<AppendOutcome>;
  append(
    request: AppendRequest & { readonly onConflict?: 'THROW' },
    options?: CallOptions,
  ): Promise<Appended>;
  append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome>;
  // Decided before the promise is made, so in the order of the calls; async, so that it rejects and does not throw.
  async append(request: AppendRequest, { signal }: CallOptions = {}): Promise<AppendOutcome> {
    signal?.throwIfAborted();
    validateAppend(request, this.#limits);
    const outcome = this.#log.append(request);
    if (outcome.outcome === 'REFUSED' && request.onConflict !== 'RETURN')
      throw new WrongExpectedVersionError(outcome.conflicts);
    return outcome;
  }

  async *load(request: LoadRequest, { signal }: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    yield* this.#log.load(request, signal);
  }

  async *subscribe(
    request: SubscribeRequest,
    options?: CallOptions,
  ): AsyncGenerator<SubscriptionMessage, void, undefined> {
    // All followers are fed from one ring, whose events are the same objects for each.
    for await (const message of this.#subscriber.subscribe(request, options))
      yield { ...message, events: message.events.map(copied) };
  }
}
