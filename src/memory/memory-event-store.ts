import type { AppendOutcome, AppendRequest, Appended } from '../core/append.js';
import { WrongExpectedVersionError } from '../core/errors.js';
import type { CallOptions, EventStore } from '../core/event-store.js';
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateAppend } from '../core/validate-append.js';
import { validateLoad } from '../core/validate-read.js';
import { createSubscriber, type Subscriber } from '../subscriptions/subscriber.js';
import { handedOut } from './copy-event.js';
import { MemoryLog } from './memory-log.js';

/** What a store in memory needs. */
export interface MemoryEventStoreOptions {
  /** Time and ids; `systemRuntime` for real ones. */
  readonly runtime: Runtime;
  /** @default DEFAULT_LIMITS */
  readonly limits?: Limits;
}

/**
 * An event store that keeps its log in this process and forgets it with it: for tests and simulations. It gives the same
 * answers as the store on Postgres, but for durability and for where pages end.
 *
 * An append is decided when it is called, before its promise is handed out, so appends are decided in the order of
 * their calls. Nothing is shared with the caller: what he changes afterwards changes nothing in the log.
 *
 * @example
 * const store = createMemoryEventStore({ runtime: systemRuntime });
 * await store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [newEvent()] }] });
 */
export function createMemoryEventStore(options: MemoryEventStoreOptions): EventStore {
  return new MemoryEventStore(options);
}

class MemoryEventStore implements EventStore {
  readonly #limits: Limits;
  readonly #log: MemoryLog;
  readonly #subscriber: Subscriber;

  constructor({ runtime, limits = DEFAULT_LIMITS }: MemoryEventStoreOptions) {
    this.#limits = limits;
    this.#log = new MemoryLog(runtime);
    this.#subscriber = createSubscriber({ log: this.#log, runtime });
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
  // No await in here: all of it happens during the call.
  async append(request: AppendRequest, options: CallOptions = {}): Promise<AppendOutcome> {
    options.signal?.throwIfAborted();
    validateAppend(request, this.#limits);
    const outcome = this.#log.append(request);
    if (outcome.outcome === 'REFUSED' && request.onConflict !== 'RETURN')
      throw new WrongExpectedVersionError(outcome.conflicts);
    return outcome;
  }

  async *load(request: LoadRequest, options: CallOptions = {}): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    for await (const page of this.#log.load(request, options.signal)) yield handedOut(page);
  }

  async *subscribe(
    request: SubscribeRequest,
    options: CallOptions = {},
  ): AsyncGenerator<SubscriptionMessage, void, undefined> {
    for await (const message of this.#subscriber.subscribe(request, options)) yield handedOut(message);
  }
}
