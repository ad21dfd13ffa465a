import { HeadwaterError, LogEpochChangedError } from '../core/errors.js';
import { type Event, eventsBytes } from '../core/event.js';
import type { EventLog } from '../core/event-store.js';
import type { Runtime } from '../core/runtime.js';
import type { EventSelection } from '../core/selection.js';
import type { SubscribeStart } from '../core/subscribe.js';
import type { Batch } from './projection-work.js';
import { mayPass, spreadDelay } from './runner-backoff.js';
import { Wake } from './runner-wake.js';

/** What waits to be handled: at most so many events … */
const EVENTS_AHEAD = 2_000;
/** … bytes … */
const BYTES_AHEAD = 8 * 1024 * 1024;
/** … and messages, which may have no events. */
const MESSAGES_AHEAD = 1_000;
/** A subscription that cannot be had is asked for again at least so often, in milliseconds. */
const LONGEST_PAUSE_MS = 5_000;

export interface FeedParts {
  readonly eventStore: EventLog;
  readonly runtime: Runtime;
  readonly selection: EventSelection;
  readonly start: SubscribeStart;
  /** Something has come, or has failed. */
  readonly onNews: () => void;
}

interface Waiting {
  readonly events: readonly Event[];
  readonly after: bigint;
  readonly upTo: bigint;
  readonly epoch: bigint;
  readonly bytes: number;
  readonly arrivedAt: number;
}

/** Follows the log a bounded way ahead of what is handled, over all breaks. */
export class Feed {
  /** What no retry mends. */
  failure: Error | undefined;
  /** The last failure that is being retried; cleared by the next message. */
  trouble: unknown;
  /** The last position that has arrived. */
  seen = 0n;
  received = 0;
  readonly #parts: FeedParts;
  readonly #controller = new AbortController();
  readonly #room: Wake;
  readonly #following: Promise<void>;
  #start: SubscribeStart;
  #waiting: Waiting[] = [];
  #events = 0;
  #bytes = 0;
  #live = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#start = parts.start;
    this.#room = new Wake(parts.runtime);
    this.#following = this.#follow();
  }

  /** Whether what waits is all that the log has, or nearly. */
  get nearHead(): boolean {
    return this.#live && this.#events < EVENTS_AHEAD / 4;
  }

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * What waits, put together to a batch of at most so many events and none beyond the position.
   *
   * @returns with the milliseconds that its events have waited, added up
   */
  take(events: number, last?: bigint): { readonly batch: Batch; readonly queuedMs: number } | undefined {
    const now = this.#parts.runtime.monotonic();
    const taken: Waiting[] = [];
    let count = 0;
    let queuedMs = 0;
    while (count < events) {
      let [next] = this.#waiting;
      if (next === undefined || (last !== undefined && next.after >= last)) break;
      if (taken[0] !== undefined && taken[0].epoch !== next.epoch) break;
      this.#waiting.shift();
      const full = next.events[events - count - 1];
      const end = full && next.events.length > events - count ? full.position : next.upTo;
      const border = last !== undefined && last < end ? last : end;
      if (border < next.upTo) {
        const [front, back] = cut(next, border);
        this.#waiting.unshift(back);
        next = front;
      }
      this.#events -= next.events.length;
      this.#bytes -= next.bytes;
      queuedMs += (now - next.arrivedAt) * next.events.length;
      count += next.events.length;
      taken.push(next);
    }
    const first = taken[0];
    const end = taken.at(-1);
    if (first === undefined || end === undefined) return undefined;
    this.#room.wake();
    const batch = {
      events: taken.flatMap((one) => one.events),
      after: first.after,
      upTo: { position: end.upTo, epoch: end.epoch },
    };
    return { batch, queuedMs };
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { eventStore, selection, runtime, onNews } = this.#parts;
    const { signal } = this.#controller;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const request = { ...selection, start: this.#start };
        for await (const message of eventStore.subscribe(request, { signal })) {
          failures = 0;
          this.trouble = undefined;
          const { scannedAfter: after, scannedTo: upTo, epoch, events } = message;
          // Where the end of the log was is to be kept at once, or another runner would begin at a later one.
          const begins = this.#start.kind !== 'BEGINNING' && this.#start.kind !== 'AFTER' && upTo > 0n;
          if (message.signal) this.#live = message.signal.kind === 'CAUGHT_UP';
          this.#start = { kind: 'AFTER', after: { position: upTo, epoch } };
          this.seen = upTo;
          if (upTo > after || begins) this.#add({ events, after, upTo, epoch });
          onNews();
          while (this.#full) await this.#room.sleep(60_000, signal);
        }
        signal.throwIfAborted();
      } catch (error) {
        if (signal.aborted) return;
        this.#live = false;
        this.trouble = error;
        if (error instanceof LogEpochChangedError || (error instanceof HeadwaterError && !mayPass(error))) {
          this.failure = error;
          return onNews();
        }
        onNews();
      }
      failures += 1;
      await runtime.sleep(spreadDelay(failures, runtime, LONGEST_PAUSE_MS), signal).catch(() => undefined);
    }
  }

  get #full(): boolean {
    return (
      this.#events >= EVENTS_AHEAD || this.#bytes >= BYTES_AHEAD || this.#waiting.length >= MESSAGES_AHEAD
    );
  }

  #add(message: Omit<Waiting, 'bytes' | 'arrivedAt'>): void {
    const one = {
      ...message,
      bytes: eventsBytes(message.events),
      arrivedAt: this.#parts.runtime.monotonic(),
    };
    this.#waiting.push(one);
    this.#events += one.events.length;
    this.#bytes += one.bytes;
    this.received += one.events.length;
  }
}

function cut(message: Waiting, last: bigint): readonly [Waiting, Waiting] {
  const before = message.events.filter(({ position }) => position <= last);
  const behind = message.events.slice(before.length);
  return [
    { ...message, events: before, upTo: last, bytes: eventsBytes(before) },
    { ...message, events: behind, after: last, bytes: eventsBytes(behind) },
  ];
}
