import { OverloadedError } from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';

export interface NotificationQueueOptions<T> {
  readonly runtime: Pick<Runtime, 'monotonic' | 'sleep'>;
  /** Of what is handled one after the other, in the order in which it was pushed. */
  readonly keyOf: (item: T) => string;
  /** Handles an item. What it throws has the item queued again, in front of those of its key. `attempt` is 1 the first time. */
  readonly handle: (item: T, context: NotificationContext) => Promise<void>;
  /** Items that are handled side by side. @default 4 */
  readonly workers?: number;
  /** Items that it holds, those under way included. @default 1000 */
  readonly capacity?: number;
  /** Pushes that may wait for room; more are refused. @default 1000 */
  readonly waitingPushes?: number;
  /** How often an item is tried in all. @default 10 */
  readonly attempts?: number;
  /** Milliseconds before it is tried again; twice as many each time … @default 100 */
  readonly firstDelayMs?: number;
  /** … up to so many. @default 60_000 */
  readonly longestDelayMs?: number;
  /** Told of an item that is not tried again. @default nobody is */
  readonly onGivenUp?: (item: T, error: unknown) => void;
}

export interface NotificationContext {
  readonly attempt: number;
  /** Aborted when the queue is stopped without being drained. */
  readonly signal: AbortSignal;
}

/** What a queue has done since it began. */
export interface NotificationMetrics {
  /** Items that it holds now: waiting, delayed and under way. */
  readonly held: number;
  readonly delayed: number;
  readonly running: number;
  readonly pushed: number;
  readonly handled: number;
  readonly requeued: number;
  readonly givenUp: number;
  /** Milliseconds that items waited until they were handled, without the delays that were asked for … */
  readonly queuedMs: number;
  /** … and that their handlers took. */
  readonly handlingMs: number;
}

interface Entry<T> {
  readonly item: T;
  readonly delayMs: number;
  attempt: number;
  readySince: number;
}

/**
 * A bounded queue with delay, repetition and workers. Items of one key are handled one at a time and in order: one that is
 * delayed, or tried again, holds up those behind it. Nothing of it survives the process.
 */
export class NotificationQueue<T> {
  readonly #options: Required<NotificationQueueOptions<T>>;
  /** By key, in order; a key is here while it has items. */
  readonly #entries = new Map<string, Entry<T>[]>();
  /** Keys whose first item may be handled now, in that order. */
  readonly #ready = new Set<string>();
  readonly #delayed = new Map<string, AbortController>();
  readonly #waiting = new Set<() => void>();
  readonly #idle = new Set<() => void>();
  readonly #abandoned = new AbortController();
  readonly #left: T[] = [];
  #stopped = false;
  #counts = { running: 0, pushed: 0, handled: 0, requeued: 0, givenUp: 0, queuedMs: 0, handlingMs: 0 };
  #held = 0;

  constructor(options: NotificationQueueOptions<T>) {
    this.#options = {
      workers: 4,
      capacity: 1000,
      waitingPushes: 1000,
      attempts: 10,
      firstDelayMs: 100,
      longestDelayMs: 60_000,
      onGivenUp: () => undefined,
      ...options,
    };
    for (const name of ['workers', 'capacity', 'attempts'] as const)
      if (!(Number.isInteger(this.#options[name]) && this.#options[name] >= 1))
        throw new RangeError(`${name} is ${this.#options[name]}, it must be a whole number from 1`);
  }

  /**
   * Puts an item behind those of its key, and waits while the queue is full. Fails with `OverloadedError` if too many wait
   * or the queue is stopped, and with the signal's reason.
   */
  async push(
    item: T,
    options: { readonly delayMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    while (!this.offer(item, options)) {
      if (this.#stopped) throw overloaded('The queue is stopped', 'stopped');
      if (this.#waiting.size >= this.#options.waitingPushes)
        throw overloaded(`${this.#waiting.size} wait for room in the queue already`, 'pushes that wait');
      await this.#room(options.signal);
    }
  }

  /** Puts an item in, or gives false: the queue is full, or stopped. */
  offer(item: T, { delayMs = 0 }: { readonly delayMs?: number } = {}): boolean {
    if (this.#stopped || this.#held >= this.#options.capacity) return false;
    const key = this.#options.keyOf(item);
    const entry = { item, delayMs, attempt: 1, readySince: 0 };
    const entries = this.#entries.get(key);
    this.#held += 1;
    this.#counts.pushed += 1;
    if (entries === undefined) {
      this.#entries.set(key, [entry]);
      this.#getReady(key, delayMs);
    } else entries.push(entry);
    return true;
  }

  /** Resolves when it holds nothing. */
  async idle(): Promise<void> {
    while (this.#held > 0) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /**
   * Takes no more items, and resolves when those that it holds were handled: without their delays, and without trying them
   * again.
   *
   * @param signal ends the waiting: handlers are told by their signal, and nothing more is begun
   * @returns those that could not be handled, which are not told to `onGivenUp`
   */
  async stop(signal?: AbortSignal): Promise<readonly T[]> {
    this.#stopped = true;
    const abandon = () => this.#abandoned.abort(signal?.reason);
    if (signal?.aborted) abandon();
    const letGo = signal === undefined ? undefined : onAbort(signal, abandon);
    for (const delay of this.#delayed.values()) delay.abort();
    this.#wake(this.#waiting);
    this.#work();
    await this.idle();
    letGo?.();
    return this.#left;
  }

  metrics(): NotificationMetrics {
    return { ...this.#counts, held: this.#held, delayed: this.#delayed.size };
  }

  #getReady(key: string, delayMs: number): void {
    const first = this.#entries.get(key)?.[0];
    if (first === undefined) return;
    const ready = () => {
      this.#delayed.delete(key);
      first.readySince = this.#options.runtime.monotonic();
      this.#ready.add(key);
      this.#work();
    };
    if (delayMs <= 0 || this.#stopped) return ready();
    const delay = new AbortController();
    this.#delayed.set(key, delay);
    // Whether the time is over or the queue is stopped, it is its turn.
    void this.#options.runtime.sleep(delayMs, delay.signal).then(ready, ready);
  }

  #work(): void {
    for (const key of this.#ready) {
      if (this.#counts.running >= this.#options.workers) return;
      this.#ready.delete(key);
      void this.#handle(key);
    }
  }

  async #handle(key: string): Promise<void> {
    const entries = this.#entries.get(key) ?? [];
    const [entry] = entries as [Entry<T>];
    const { runtime, handle, attempts, onGivenUp } = this.#options;
    const began = runtime.monotonic();
    this.#counts.running += 1;
    this.#counts.queuedMs += began - entry.readySince;
    let delayMs: number | undefined;
    try {
      this.#abandoned.signal.throwIfAborted();
      await handle(entry.item, { attempt: entry.attempt, signal: this.#abandoned.signal });
      this.#counts.handled += 1;
    } catch (error) {
      if (this.#stopped) this.#left.push(entry.item);
      else if (entry.attempt < attempts) delayMs = this.#delayAfter(entry.attempt);
      else {
        this.#counts.givenUp += 1;
        onGivenUp(entry.item, error);
      }
    }
    this.#counts.handlingMs += runtime.monotonic() - began;
    this.#counts.running -= 1;
    if (delayMs === undefined) this.#next(key, entries);
    else {
      entry.attempt += 1;
      this.#counts.requeued += 1;
      this.#getReady(key, delayMs);
    }
    this.#work();
  }

  #next(key: string, entries: Entry<T>[]): void {
    entries.shift();
    this.#held -= 1;
    const [next] = entries;
    if (next === undefined) this.#entries.delete(key);
    else this.#getReady(key, next.delayMs);
    this.#wake(this.#waiting, 1);
    if (this.#held === 0) this.#wake(this.#idle);
  }

  #delayAfter(attempt: number): number {
    const { firstDelayMs, longestDelayMs } = this.#options;
    return Math.min(firstDelayMs * 2 ** (attempt - 1), longestDelayMs);
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        letGo?.();
        resolve();
      };
      const letGo =
        signal &&
        onAbort(signal, () => {
          this.#waiting.delete(go);
          reject(signal.reason as Error);
        });
      this.#waiting.add(go);
    });
  }

  #wake(waiting: Set<() => void>, most = Infinity): void {
    for (const go of waiting) {
      if (most-- <= 0) return;
      waiting.delete(go);
      go();
    }
  }
}

function overloaded(message: string, limit: string): OverloadedError {
  return new OverloadedError(message, { limit, outcome: 'NOT_APPLIED' });
}
