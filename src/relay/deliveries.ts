import { causedBy } from '../core/caused-by.js';
import type { Event } from '../core/event.js';
import type { Logger } from '../core/logger.js';
import type { HandleMessage, MessageFailure } from '../core/message-bus.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import { streamKey } from '../core/stream.js';
import { inTime } from '../subscriptions/consume-in-time.js';
import { reasonOf } from '../subscriptions/consume-reason.js';
import { decodeEvent, type EncodedEvent } from './encoding.js';
import { UndecodableMessageError } from './relay-error.js';

/** A message that a broker has handed over and keeps until it is answered. */
export interface BrokerMessage extends EncodedEvent {
  /** How often the broker had handed it out before: to workers that died, or lost their connection. */
  readonly deliveredBefore: number;
  /** It is done. */
  ack(): void;
  /** Where dead letters are; resolves when it is safe there. */
  bury(why: { readonly reason: string; readonly attempts: number }): Promise<void>;
  /** The broker hands it out again. */
  release(): void;
}

/** What becomes of a message whose handler has failed. */
export type Verdict =
  | { readonly kind: 'RETRY'; readonly afterMs: number }
  | { readonly kind: 'BURY' }
  | { readonly kind: 'SKIP' }
  /** Nothing more is handled. */
  | { readonly kind: 'END' };

export interface DeliveryRules {
  readonly handle: HandleMessage;
  readonly matches: (event: Event) => boolean;
  /** 1: in the order of the broker; more: in the order of each stream. */
  readonly concurrency: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number | undefined;
  readonly judge: (failure: MessageFailure) => Verdict | Promise<Verdict>;
  /** Of what is no event, and of what was handed out too often. */
  readonly hopeless: 'BURY' | 'END';
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/**
 * Handles messages side by side, those of one stream one after the other, and answers each when it is handled. An event that
 * fails is tried again here, so that none of its stream overtakes it. Outlives connections, so that what comes again waits
 * for the handler that may still be at it. How many wait is bounded by what the broker hands over unanswered.
 */
export class Deliveries {
  /** Rejects with what ended it. */
  readonly failed: Promise<never>;
  readonly #rules: DeliveryRules;
  readonly #tasks = new Set<Promise<void>>();
  readonly #ofStream = new Map<string, Promise<void>>();
  readonly #turns: (() => void)[] = [];
  #fail: (error: unknown) => void = () => undefined;
  #running = 0;
  /** Aborted when the messages of this connection cannot be answered any more … */
  #connection = new AbortController();
  /** … and when no more are begun. */
  readonly #finishing = new AbortController();
  readonly #handling = new AbortController();

  constructor(rules: DeliveryRules) {
    this.#rules = rules;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
  }

  /** Messages that are not answered. */
  get waiting(): number {
    return this.#tasks.size;
  }

  take(message: BrokerMessage): void {
    const connection = this.#connection.signal;
    const task = this.#work(message, connection).catch((error: unknown) => {
      // The broker was gone when it was to be told; it hands the message out again.
      if (!connection.aborted) this.#fail(error);
    });
    this.#tasks.add(task);
    void task.then(() => this.#tasks.delete(task));
  }

  /** The connection is gone, and with it all messages; handlers are told by their signals. */
  lose(reason: Error): void {
    this.#connection.abort(reason);
    this.#connection = new AbortController();
  }

  /** Begins nothing more, and resolves when handlers have ended, whose signals are aborted after so many milliseconds. */
  async finish(timeoutMs: number): Promise<void> {
    this.#finishing.abort(new Error('The handler was stopped'));
    const patience = new AbortController();
    const done = Promise.all(this.#tasks).then(() => patience.abort());
    await this.#rules.runtime.sleep(timeoutMs, patience.signal).then(
      () => this.#handling.abort(new Error('The handler was stopped')),
      () => undefined,
    );
    // A handler that does not listen to its signal is not waited for.
    const grace = new AbortController();
    await Promise.race([done, this.#rules.runtime.sleep(1_000, grace.signal).catch(() => undefined)]);
    grace.abort();
  }

  async #work(message: BrokerMessage, connection: AbortSignal): Promise<void> {
    let event: Event;
    try {
      event = decodeEvent(message);
    } catch (error) {
      if (error instanceof UndecodableMessageError)
        return this.#giveUp(message, error, message.deliveredBefore);
      throw error;
    }
    if (!this.#rules.matches(event)) return message.ack();
    const key = this.#rules.concurrency === 1 ? '' : streamKey(event.stream);
    const before = this.#ofStream.get(key);
    const work = (async () => {
      await before;
      await this.#turn();
      try {
        await this.#attempts(message, event, connection);
      } finally {
        this.#running -= 1;
        this.#turns.shift()?.();
      }
    })();
    const settled = work.catch(() => undefined);
    this.#ofStream.set(key, settled);
    try {
      await work;
    } finally {
      if (this.#ofStream.get(key) === settled) this.#ofStream.delete(key);
    }
  }

  async #turn(): Promise<void> {
    while (this.#running >= this.#rules.concurrency)
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    this.#running += 1;
  }

  async #attempts(message: BrokerMessage, event: Event, connection: AbortSignal): Promise<void> {
    const { maxAttempts, logger, runtime } = this.#rules;
    // Where there is no end to them, breaks of the connection are not held against the event.
    const before = maxAttempts === Number.POSITIVE_INFINITY ? 0 : message.deliveredBefore;
    for (let attempt = before + 1; !connection.aborted; attempt += 1) {
      if (this.#finishing.signal.aborted) return message.release();
      if (attempt > maxAttempts)
        return this.#giveUp(message, new Error(`It was handed out ${attempt - 1} times`), attempt - 1);
      let verdict: Verdict;
      try {
        await this.#handle(event, attempt, connection);
        if (!connection.aborted) message.ack();
        return;
      } catch (error) {
        if (connection.aborted) return;
        const { position } = event;
        logger.warn('An event could not be handled', { position, attempt, reason: reasonOf(error) });
        verdict = await this.#rules.judge({ event, error, attempts: attempt });
        if (connection.aborted) return;
        if (verdict.kind === 'BURY') return message.bury({ reason: reasonOf(error), attempts: attempt });
        if (verdict.kind === 'END') {
          // Before what waits behind it has its turn.
          this.#finishing.abort(error);
          throw error;
        }
      }
      if (verdict.kind === 'SKIP') return message.ack();
      const stop = AbortSignal.any([connection, this.#finishing.signal]);
      await runtime.sleep(verdict.afterMs, stop).catch(() => undefined);
    }
  }

  async #handle(event: Event, attempt: number, connection: AbortSignal): Promise<void> {
    const { handle, timeoutMs, runtime } = this.#rules;
    const controller = new AbortController();
    const lettingGo = [connection, this.#handling.signal].map((signal) =>
      onAbort(signal, () => controller.abort(signal.reason)),
    );
    try {
      await inTime(
        async (signal) => handle(event, { attempt, signal, replayed: false, metadata: causedBy(event) }),
        { controller, timeoutMs, runtime },
      );
    } finally {
      for (const letGo of lettingGo) letGo();
    }
  }

  async #giveUp(message: BrokerMessage, error: Error, attempts: number): Promise<void> {
    if (this.#rules.hopeless === 'END') {
      this.#finishing.abort(error);
      throw error;
    }
    this.#rules.logger.warn('A message goes to the dead letters', { attempts, reason: reasonOf(error) });
    await message.bury({ reason: reasonOf(error), attempts });
  }
}
