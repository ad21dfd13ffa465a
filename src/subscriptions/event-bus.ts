import type { CreateGroupRequest } from '../core/consumer-groups.js';
import type { EventStore } from '../core/event-store.js';
import { type EventMatcher, matchesAny, selectionOf } from '../core/event-matcher.js';
import { type Logger, silentLogger } from '../core/logger.js';
import type {
  HandleMessage,
  HandlerOptions,
  MessageBus,
  RunningHandler,
  WorkerOptions,
} from '../core/message-bus.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeStart } from '../core/subscribe.js';
import { type Consumer, consume, type HandleDelivery, type JoinedGroups } from './consume.js';
import { FanOutHandler } from './event-bus-handler.js';

export interface EventBusOptions {
  readonly eventStore: Pick<EventStore, 'subscribe'>;
  /** For workers. */
  readonly consumerGroups: JoinedGroups;
  readonly runtime: Runtime;
  /** Told about breaks, failures and ends. @default nobody is */
  readonly logger?: Logger;
  /** Milliseconds that stopping waits for handlers; then their signals are aborted. @default 30000 */
  readonly stopTimeoutMs?: number;
}

export interface EventHandlerOptions extends HandlerOptions {
  /** @default behind the last event that there is when it is added */
  readonly start?: SubscribeStart;
}

export interface EventWorkerOptions extends Omit<WorkerOptions, 'handle'> {
  readonly handle: HandleDelivery;
  /**
   * How the group is made if it is missing. Only what is named here must be so in one that is there.
   * @default begins behind the last event that there is when it is made
   */
  readonly group?: Pick<CreateGroupRequest, 'start' | 'settings' | 'slots'>;
}

/**
 * The message bus over the log itself, without a broker: a handler is a subscription, a worker a member of the consumer
 * group of its name. A group that is there with another selection (the matchers were changed) ends the worker with
 * `GroupExistsError`: update the group first.
 *
 * @example
 * const bus = new EventBus({ eventStore, consumerGroups, runtime: systemRuntime });
 * bus.addHandler((event) => cache.drop(event.stream), aggregateType('Account'));
 * bus.addWorker('mailer', (event) => mail(event), eventType('OrderPlaced', 'OrderSent'));
 */
export class EventBus implements MessageBus {
  readonly #options: EventBusOptions;
  readonly #running = new Set<RunningHandler>();
  #closed = false;

  constructor(options: EventBusOptions) {
    this.#options = options;
  }

  /** Begins at once; after a break of the subscription it resumes where it was. See {@link MessageBus.addHandler}. */
  addHandler(
    handler: HandleMessage | EventHandlerOptions,
    ...matchers: readonly EventMatcher[]
  ): RunningHandler {
    this.#refuseIfClosed();
    const { eventStore, runtime, logger = silentLogger, stopTimeoutMs } = this.#options;
    const options = typeof handler === 'function' ? { handle: handler } : handler;
    return this.#keep(
      new FanOutHandler(
        { ...options, ...(stopTimeoutMs !== undefined && { stopTimeoutMs }) },
        {
          eventStore,
          runtime,
          logger,
          selection: selectionOf(matchers),
          matches: (e) => matchesAny(matchers, e),
        },
      ),
    );
  }

  /** Creates the group of that name if it is missing, and joins it. See {@link MessageBus.addWorker} and `consume`. */
  addWorker(
    name: string,
    handler: HandleDelivery | EventWorkerOptions,
    ...matchers: readonly EventMatcher[]
  ): Consumer {
    this.#refuseIfClosed();
    const { consumerGroups, eventStore: _, ...ours } = this.#options;
    const { group, ...options } =
      typeof handler === 'function' ? { handle: handler, group: undefined } : handler;
    return this.#keep(
      consume(consumerGroups, {
        ...ours,
        ...options,
        group: name,
        create: { start: { kind: 'END' }, ...group, selection: selectionOf(matchers) },
        matches: (event) => matchesAny(matchers, event),
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running].map((one) => one.stop()));
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new TypeError('The bus is closed');
  }

  #keep<Running extends RunningHandler>(running: Running): Running {
    this.#running.add(running);
    const forget = () => this.#running.delete(running);
    running.ended.then(forget, forget);
    return running;
  }
}
