import { causedBy } from '../core/caused-by.js';
import { DeadlineExceededError, OverloadedError, StoreUnavailableError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { Logger } from '../core/logger.js';
import type { RunningHandler } from '../core/message-bus.js';
import type { Runtime } from '../core/runtime.js';
import type { EventSelection } from '../core/selection.js';
import type { SubscribeStart } from '../core/subscribe.js';
import { Violations } from '../core/validate.js';
import { inTime } from './consume-in-time.js';
import { Pause } from './consume-pause.js';
import { reasonOf } from './consume-reason.js';
import { HOUR_MS, wholeNumber } from './consume-rules.js';
import type { EventHandlerOptions } from './event-bus.js';

const DEFAULT_ATTEMPTS = 5;
const MOST_ATTEMPTS = 1000;
const DEFAULT_RETRY_DELAY_MS = 200;
const LONGEST_RETRY_DELAY_MS = 10_000;
const DEFAULT_STOP_TIMEOUT_MS = 30_000;

interface FanOutParts {
  readonly eventStore: Pick<EventStore, 'subscribe'>;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly selection: EventSelection;
  readonly matches: (event: Event) => boolean;
}

/** A handler of its own subscription: one event at a time, tried again in place, so that none overtakes one that fails. */
export class FanOutHandler implements RunningHandler {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #parts: FanOutParts;
  readonly #options: Required<Pick<EventHandlerOptions, 'maxAttempts' | 'retryDelayMs' | 'handle'>> &
    EventHandlerOptions;
  readonly #stopTimeoutMs: number;
  /** Aborted by `stop` at once: nothing more is waited for but the handler … */
  readonly #reading = new AbortController();
  /** … and by its time-out, which the handler is told of. */
  readonly #handling = new AbortController();
  #start: SubscribeStart;
  #stopped: Promise<void> | undefined;
  #isReady: () => void = () => undefined;

  constructor(options: EventHandlerOptions & { readonly stopTimeoutMs?: number }, parts: FanOutParts) {
    const { maxAttempts = DEFAULT_ATTEMPTS, retryDelayMs = DEFAULT_RETRY_DELAY_MS, timeoutMs = 1 } = options;
    this.#stopTimeoutMs = options.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS;
    const violations = new Violations();
    wholeNumber(maxAttempts, { from: 1, to: MOST_ATTEMPTS }, 'max_attempts', violations);
    wholeNumber(retryDelayMs, { from: 0, to: LONGEST_RETRY_DELAY_MS }, 'retry_delay_ms', violations);
    wholeNumber(timeoutMs, { from: 1, to: HOUR_MS }, 'timeout_ms', violations);
    wholeNumber(this.#stopTimeoutMs, { from: 0, to: HOUR_MS }, 'stop_timeout_ms', violations);
    violations.throwIfAny();
    this.#options = { ...options, maxAttempts, retryDelayMs };
    this.#parts = parts;
    this.#start = options.start ?? { kind: 'END' };
    const becomesReady = new Promise<void>((resolve) => {
      this.#isReady = resolve;
    });
    this.ended = this.#run();
    const endsFirst = this.ended.then(() => {
      throw new StoreUnavailableError('The handler was stopped before it had begun');
    });
    this.ready = Promise.race([becomesReady, endsFirst]);
    // Whoever does not wait for them is told by the logger.
    for (const one of [this.ended, endsFirst, this.ready]) one.catch(() => undefined);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#reading.abort(new Error('The handler was stopped'));
    const patience = new AbortController();
    const late = this.#parts.runtime.sleep(this.#stopTimeoutMs, patience.signal).catch(() => undefined);
    await Promise.race([this.ended.catch(() => undefined), late]);
    patience.abort();
    this.#handling.abort(new Error('The handler was stopped'));
  }

  async #run(): Promise<void> {
    const { runtime, logger } = this.#parts;
    const pause = new Pause(runtime);
    const { signal } = this.#reading;
    while (!signal.aborted) {
      let broken: unknown;
      try {
        await this.#follow(pause, signal);
      } catch (error) {
        broken = error;
      }
      if (signal.aborted) return;
      if (!(broken instanceof Break)) {
        logger.error('A handler has ended', { reason: reasonOf(broken) });
        throw broken;
      }
      logger.info('A handler resumes its subscription', { reason: reasonOf(broken.cause) });
      await pause.take(broken.cause, signal).catch(() => undefined);
    }
  }

  async #follow(pause: Pause, signal: AbortSignal): Promise<void> {
    const messages = this.#parts.eventStore
      .subscribe({ ...this.#parts.selection, start: this.#start }, { signal })
      [Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await messages.next().catch((error: unknown) => {
          throw isBreak(error) ? new Break(error) : error;
        });
        if (next.done === true) throw new Break(new StoreUnavailableError('The subscription has ended'));
        const { events, scannedTo, epoch } = next.value;
        pause.worked();
        this.#isReady();
        for (const event of events) {
          if (this.#parts.matches(event)) await this.#handle(event, signal);
          // Stopped while it waited to try again, or behind what it handled last.
          if (signal.aborted) return;
        }
        this.#start = { kind: 'AFTER', after: { position: scannedTo, epoch } };
      }
    } finally {
      await messages.return?.();
    }
  }

  async #handle(event: Event, stopped: AbortSignal): Promise<void> {
    const { maxAttempts, retryDelayMs, onFailure } = this.#options;
    for (let attempt = 1; !stopped.aborted; attempt++) {
      try {
        return await this.#try(event, attempt);
      } catch (error) {
        this.#parts.logger.warn('An event could not be handled', {
          position: event.position,
          attempt,
          reason: reasonOf(error),
        });
        if (attempt >= maxAttempts) {
          if ((await onFailure?.({ event, error, attempts: attempt })) === 'SKIP') return;
          throw error;
        }
      }
      const delay = Math.min(LONGEST_RETRY_DELAY_MS, retryDelayMs * 2 ** Math.min(attempt - 1, 16));
      await this.#parts.runtime.sleep(delay, stopped).catch(() => undefined);
    }
  }

  async #try(event: Event, attempt: number): Promise<void> {
    const { handle, timeoutMs } = this.#options;
    const controller = new AbortController();
    const give = () => controller.abort(this.#handling.signal.reason);
    this.#handling.signal.addEventListener('abort', give);
    try {
      await inTime(
        async (signal) => handle(event, { attempt, signal, replayed: false, metadata: causedBy(event) }),
        { controller, timeoutMs, runtime: this.#parts.runtime },
      );
    } finally {
      this.#handling.signal.removeEventListener('abort', give);
    }
  }
}

/** The subscription broke and can be resumed; told apart from what a handler throws, which may be of the same kind. */
class Break extends Error {
  override readonly cause: unknown;
  constructor(cause: unknown) {
    super('The subscription broke');
    this.cause = cause;
  }
}

function isBreak(error: unknown): boolean {
  return (
    error instanceof StoreUnavailableError ||
    error instanceof OverloadedError ||
    error instanceof DeadlineExceededError
  );
}
