import type { NackAction } from '../core/consumer-groups.js';
import { type EventMatcher, matchesAny } from '../core/event-matcher.js';
import { type Logger, silentLogger } from '../core/logger.js';
import type {
  HandleMessage,
  HandlerOptions,
  MessageBus,
  MessageFailure,
  RunningHandler,
  WorkerOptions,
} from '../core/message-bus.js';
import type { Runtime } from '../core/runtime.js';
import { Violations } from '../core/validate.js';
import { HOUR_MS, wholeNumber } from '../subscriptions/consume-rules.js';
import { systemRuntime } from '../system.js';
import { BrokerHandler, type MessageSource } from './broker-handler.js';
import { Deliveries, type DeliveryRules, type Verdict } from './deliveries.js';

/** What buses over brokers are told alike. */
export interface BrokerBusOptions {
  /**
   * How often a worker's event is tried, handed out again after a crash included, before it goes to the dead letters; 1 to
   * 1,000.
   * @default 5
   */
  readonly maxAttempts?: number;
  /** Milliseconds before a worker's second try, doubled for each further one up to 10 s; 0 to 10,000. @default 200 */
  readonly retryDelayMs?: number;
  /** Events that the broker hands over unanswered, per handler or worker; 1 to 1,000. @default 64 */
  readonly prefetch?: number;
  /** Milliseconds that stopping waits for handlers; then their signals are aborted. @default 30000 */
  readonly stopTimeoutMs?: number;
  /** Told about breaks, failures and dead letters. @default nobody is */
  readonly logger?: Logger;
  /** @default the real one */
  readonly runtime?: Runtime;
}

const ATTEMPTS = 5;
const RETRY_DELAY_MS = 200;
const LONGEST_RETRY_DELAY_MS = 10_000;
const PREFETCH = 64;
const CONCURRENCY = 16;
const STOP_TIMEOUT_MS = 30_000;
/** RabbitMQ takes a message away from a consumer that does not answer for half an hour. */
const WORKER_TIMEOUT_MS = 600_000;
const LONGEST_ASKED_DELAY_MS = 600_000;

/** What the buses over both brokers share: who is added, by which rules, and their end. */
export abstract class BrokerBus implements MessageBus {
  readonly #options: BrokerBusOptions;
  readonly #running = new Set<RunningHandler>();
  #closed = false;

  /** Throws `InvalidRequestError`. */
  constructor(options: BrokerBusOptions) {
    const violations = new Violations();
    const { maxAttempts = 1, retryDelayMs = 0, prefetch = 1, stopTimeoutMs = 0 } = options;
    wholeNumber(maxAttempts, { from: 1, to: 1_000 }, 'max_attempts', violations);
    wholeNumber(retryDelayMs, { from: 0, to: LONGEST_RETRY_DELAY_MS }, 'retry_delay_ms', violations);
    wholeNumber(prefetch, { from: 1, to: 1_000 }, 'prefetch', violations);
    wholeNumber(stopTimeoutMs, { from: 0, to: HOUR_MS }, 'stop_timeout_ms', violations);
    violations.throwIfAny();
    this.#options = options;
  }

  /**
   * What the broker keeps for it begins when it is `ready`, lasts over breaks of the connection and restarts of the broker
   * for ten minutes, and goes when it is stopped.
   */
  addHandler(handler: HandleMessage | HandlerOptions, ...matchers: readonly EventMatcher[]): RunningHandler {
    const options: HandlerOptions = typeof handler === 'function' ? { handle: handler } : handler;
    const { maxAttempts = ATTEMPTS, retryDelayMs = RETRY_DELAY_MS, timeoutMs, onFailure, handle } = options;
    checkHandler({ maxAttempts, retryDelayMs, timeoutMs });
    const judge = async (failure: MessageFailure): Promise<Verdict> => {
      if (failure.attempts < maxAttempts) return retry(failure, retryDelayMs);
      return (await onFailure?.(failure)) === 'SKIP' ? { kind: 'SKIP' } : { kind: 'END' };
    };
    const rules = { handle, concurrency: 1, maxAttempts: Number.POSITIVE_INFINITY, timeoutMs, judge };
    return this.#start(this.handlerSource(matchers), { ...rules, hopeless: 'END' }, matchers);
  }

  /**
   * Workers of a name share what the broker keeps for it, which stays when none is there. Within one process the events of a
   * stream are handled in order; two processes may have events of the same stream at the same time, so where order matters
   * over all workers, run one, or use a consumer group of the service.
   */
  addWorker(
    name: string,
    handler: HandleMessage | WorkerOptions,
    ...matchers: readonly EventMatcher[]
  ): RunningHandler {
    const options: WorkerOptions = typeof handler === 'function' ? { handle: handler } : handler;
    const { concurrency = CONCURRENCY, timeoutMs = WORKER_TIMEOUT_MS, onFailure, handle } = options;
    const { maxAttempts = ATTEMPTS, retryDelayMs = RETRY_DELAY_MS } = this.#options;
    checkWorker({ name, concurrency, timeoutMs });
    const judge = async (failure: MessageFailure): Promise<Verdict> => {
      const action: NackAction = (await onFailure?.(failure)) ?? { kind: 'RETRY' };
      if (action.kind === 'SKIP') return { kind: 'SKIP' };
      if (action.kind === 'PARK' || failure.attempts >= maxAttempts) return { kind: 'BURY' };
      return action.afterMs === undefined
        ? retry(failure, retryDelayMs)
        : { kind: 'RETRY', afterMs: Math.min(action.afterMs, LONGEST_ASKED_DELAY_MS) };
    };
    const rules = { handle, concurrency, maxAttempts, timeoutMs, judge };
    return this.#start(this.workerSource(name, matchers), { ...rules, hopeless: 'BURY' }, matchers);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running].map((one) => one.stop()));
    await this.disconnect();
  }

  protected get prefetch(): number {
    return this.#options.prefetch ?? PREFETCH;
  }

  protected get runtime(): Runtime {
    return this.#options.runtime ?? systemRuntime;
  }

  protected abstract handlerSource(matchers: readonly EventMatcher[]): MessageSource;
  protected abstract workerSource(name: string, matchers: readonly EventMatcher[]): MessageSource;
  protected abstract disconnect(): Promise<void>;

  #start(
    source: MessageSource,
    rules: Omit<DeliveryRules, 'matches' | 'runtime' | 'logger'>,
    matchers: readonly EventMatcher[],
  ): RunningHandler {
    if (this.#closed) throw new TypeError('The bus is closed');
    const { logger = silentLogger, stopTimeoutMs = STOP_TIMEOUT_MS } = this.#options;
    const { runtime } = this;
    const matches = (event: Parameters<typeof matchesAny>[1]) => matchesAny(matchers, event);
    const deliveries = new Deliveries({ ...rules, matches, runtime, logger });
    const running = new BrokerHandler({ source, deliveries, stopTimeoutMs, runtime, logger });
    this.#running.add(running);
    const forget = () => this.#running.delete(running);
    running.ended.then(forget, forget);
    return running;
  }
}

function retry({ attempts }: MessageFailure, firstMs: number): Verdict {
  const afterMs = Math.min(LONGEST_RETRY_DELAY_MS, firstMs * 2 ** Math.min(attempts - 1, 16));
  return { kind: 'RETRY', afterMs };
}

function checkHandler(given: {
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  readonly timeoutMs: number | undefined;
}): void {
  const violations = new Violations();
  wholeNumber(given.maxAttempts, { from: 1, to: 1_000 }, 'max_attempts', violations);
  wholeNumber(given.retryDelayMs, { from: 0, to: LONGEST_RETRY_DELAY_MS }, 'retry_delay_ms', violations);
  wholeNumber(given.timeoutMs ?? 1, { from: 1, to: HOUR_MS }, 'timeout_ms', violations);
  violations.throwIfAny();
}

function checkWorker(given: {
  readonly name: string;
  readonly concurrency: number;
  readonly timeoutMs: number;
}): void {
  const violations = new Violations();
  if (!/^[A-Za-z0-9_-]{1,95}$/.test(given.name))
    violations.add('name', `is ${JSON.stringify(given.name)}, it may have 1 to 95 letters, digits, _ and -`);
  wholeNumber(given.concurrency, { from: 1, to: 1_000 }, 'concurrency', violations);
  wholeNumber(given.timeoutMs, { from: 1, to: HOUR_MS }, 'timeout_ms', violations);
  violations.throwIfAny();
}
