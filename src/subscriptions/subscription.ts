import { eventBytes, type Event } from '../core/event.js';
import { LogEpochChangedError, StoreUnavailableError } from '../core/errors.js';
import { WHOLE_LOG } from '../core/filter.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { Log, Selection } from '../core/log.js';
import { type Matcher, matcher } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { startPosition } from './start.js';
import { nextState, type SubscriptionEvent, type SubscriptionState } from './subscription-states.js';
import type { Tail, TailFollower } from './tail.js';

/** How often a follower whose filter lets nothing through is told how far the log was scanned. */
export interface ProgressOptions {
  /** @default 1000 */
  readonly scannedEvents?: bigint;
  /** @default 5000 */
  readonly milliseconds?: number;
}

/** What a subscription works with. */
export interface SubscriptionParts {
  readonly log: Log;
  readonly tail: Tail;
  readonly runtime: Runtime;
  readonly progress?: ProgressOptions;
}

/**
 * The messages of one subscription; see `EventStore.subscribe` for what they promise and `subscription-states.ts` for
 * its states. It works only when asked for the next message, so a slow reader slows only itself, and holds one message
 * at most.
 */
export async function* subscription(
  parts: SubscriptionParts,
  request: SubscribeRequest,
  signal: AbortSignal,
): AsyncGenerator<SubscriptionMessage, void, undefined> {
  const { log, tail } = parts;
  const selection: Selection = { scope: request.scope ?? WHOLE_LOG, filters: request.filters ?? [] };
  // The ring must stand before the table is read, so that nothing falls in between.
  const follower = await tail.follow();
  let state: SubscriptionState = 'CATCHING_UP';
  const after = (event: SubscriptionEvent) => {
    state = nextState(state, event);
  };
  try {
    let position = await startPosition(log, request.start ?? { kind: 'BEGINNING' }, signal);
    let epoch = follower.ring.epoch;
    const feed = new LiveFeed(parts, follower, matcher(selection.scope, selection.filters));
    for (;;) {
      signal.throwIfAborted();
      if (state === 'CATCHING_UP') {
        for await (const page of log.scan(selection, position, signal)) {
          if (page.epoch !== epoch) await checkEpoch(log, position, epoch, signal);
          epoch = page.epoch;
          if (page.scannedTo > position) yield page;
          position = page.scannedTo;
          after('PAGE_SCANNED');
        }
        if (position < follower.ring.start) continue;
        if (epoch > follower.ring.epoch) throw anotherLife();
        after('REACHED_HEAD');
        yield {
          events: [],
          scannedAfter: position,
          scannedTo: position,
          epoch,
          signal: { kind: 'CAUGHT_UP' },
        };
        continue;
      }
      const message = await feed.next(position, signal).catch((error: unknown) => {
        throw error instanceof LogEpochChangedError ? asSeenFrom(position, epoch, error) : error;
      });
      if (message === undefined) {
        after('LEFT_RING');
        const head = follower.ring.end;
        yield {
          events: [],
          scannedAfter: position,
          scannedTo: position,
          epoch,
          signal: { kind: 'FELL_BEHIND', head },
        };
        continue;
      }
      position = message.scannedTo;
      epoch = message.epoch;
      after('PAGE_SCANNED');
      yield message;
    }
  } catch (error) {
    after(error instanceof LogEpochChangedError ? 'TAIL_LOST' : 'STOPPED');
    throw error;
  } finally {
    follower.leave();
  }
}

/** The ring may still hold the tail that the table has lost. */
function anotherLife(): StoreUnavailableError {
  return new StoreUnavailableError('The log has begun another epoch; resume from the last position');
}

/** The tail reader tells of where it stood itself; a follower that had not come so far may have lost nothing. */
function asSeenFrom(
  position: bigint,
  epoch: bigint,
  { lastCommonPosition, currentEpoch }: LogEpochChangedError,
): Error {
  return position > lastCommonPosition
    ? new LogEpochChangedError(position, epoch, lastCommonPosition, currentEpoch)
    : anotherLife();
}

/** Throws if the log, now in another epoch, has lost the position. */
async function checkEpoch(log: Log, position: bigint, epoch: bigint, signal: AbortSignal): Promise<void> {
  const epochs = await log.epochs(signal);
  for (const later of epochs)
    if (later.epoch > epoch && later.startedAfterPosition < position)
      throw new LogEpochChangedError(
        position,
        epoch,
        later.startedAfterPosition,
        epochs.at(-1)?.epoch ?? epoch,
      );
}

/** Takes what matches out of the ring. */
class LiveFeed {
  readonly #follower: TailFollower;
  readonly #runtime: Runtime;
  readonly #matches: Matcher;
  readonly #progressEvents: bigint;
  readonly #progressMilliseconds: number;
  /** How far the ring was looked through; ahead of the reader's position while nothing matched. */
  #scanned = 0n;
  /** When the reader was last told something. */
  #told: number;

  constructor(parts: SubscriptionParts, follower: TailFollower, matches: Matcher) {
    this.#follower = follower;
    this.#runtime = parts.runtime;
    this.#matches = matches;
    this.#progressEvents = parts.progress?.scannedEvents ?? 1000n;
    this.#progressMilliseconds = parts.progress?.milliseconds ?? 5000;
    this.#told = parts.runtime.monotonic();
  }

  /** The next message behind `position`, or `undefined` if the ring no longer holds what comes next. */
  async next(position: bigint, signal: AbortSignal): Promise<SubscriptionMessage | undefined> {
    const { ring } = this.#follower;
    if (this.#scanned < position) this.#scanned = position;
    for (;;) {
      const events: Event[] = [];
      let bytes = 0;
      let full = false;
      while (!full) {
        const page = ring.pageAfter(this.#scanned);
        if (page === undefined) break;
        for (const event of page.events) {
          if (event.position <= this.#scanned || !this.#matches(event)) continue;
          const size = eventBytes(event);
          full = events.length > 0 && (bytes + size > PAGE_BYTES || events.length >= PAGE_EVENTS);
          if (full) break;
          events.push(event);
          bytes += size;
        }
        const last = events.at(-1);
        this.#scanned = full && last !== undefined ? last.position : page.scannedTo;
      }
      if (events.length > 0 || this.#owesProgress(position)) {
        this.#told = this.#runtime.monotonic();
        return { events, scannedAfter: position, scannedTo: this.#scanned, epoch: ring.epoch };
      }
      if (this.#scanned < ring.start) return undefined;
      await this.#wait(position, signal);
    }
  }

  #owesProgress(position: bigint): boolean {
    const scanned = this.#scanned - position;
    if (scanned <= 0n) return false;
    return (
      scanned >= this.#progressEvents || this.#runtime.monotonic() - this.#told >= this.#progressMilliseconds
    );
  }

  /** Until the ring goes on or, if something was scanned and not yet told, until it is time to tell it. */
  async #wait(position: bigint, signal: AbortSignal): Promise<void> {
    if (this.#scanned === position) return this.#follower.advanced(this.#scanned, signal);
    const due = this.#progressMilliseconds - (this.#runtime.monotonic() - this.#told);
    // By hand, since on Node 20 AbortSignal.any leaks while one of its signals lives on.
    const rest = new AbortController();
    const onAbort = () => rest.abort(signal.reason);
    signal.addEventListener('abort', onAbort);
    try {
      await Promise.race([
        this.#follower.advanced(this.#scanned, rest.signal),
        this.#runtime.sleep(Math.max(1, due), rest.signal),
      ]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      rest.abort(new Error('The wait is over'));
    }
  }
}
