import { LogEpochChangedError, StoreUnavailableError } from '../core/errors.js';
import { WHOLE_LOG } from '../core/filter.js';
import type { Log, Selection } from '../core/log.js';
import type { Pushing, Take } from '../core/pushing.js';
import type { SubscribeRequest, SubscriptionMessage } from '../core/subscribe.js';
import { validateSubscribe } from '../core/validate-read.js';
import { LiveFeed } from './live-feed.js';
import { startPosition } from './start.js';
import { nextState, type SubscriptionEvent, type SubscriptionState } from './subscription-states.js';
import type { Tail } from './tail.js';

/** What a subscription works with. */
export interface SubscriptionParts {
  readonly log: Log;
  readonly tail: Tail;
  /**
   * What a subscription fails with instead, unless it was aborted.
   * @default the same
   */
  readonly errorFor?: (error: unknown) => Error;
}

/**
 * The messages of one subscription; see `EventStore.subscribe` for what they promise and `subscription-states.ts` for
 * its states. It works only when asked for the next message, so a slow reader slows only itself, and holds one message
 * at most. Read once.
 */
export class Subscription implements Pushing<SubscriptionMessage> {
  readonly #messages: AsyncGenerator<SubscriptionMessage, void, undefined>;
  #take: Take<SubscriptionMessage> = () => false;

  constructor(parts: SubscriptionParts, request: SubscribeRequest, signal: AbortSignal) {
    this.#messages = messages(parts, request, signal, (message) => this.#take(message));
  }

  pushTo(take: Take<SubscriptionMessage>): void {
    this.#take = take;
  }

  [Symbol.asyncIterator](): AsyncIterator<SubscriptionMessage, void, undefined> {
    return this.#messages;
  }
}

/** One generator does it all: each around it would cost every message some promises. */
async function* messages(
  parts: SubscriptionParts,
  request: SubscribeRequest,
  signal: AbortSignal,
  take: Take<SubscriptionMessage>,
): AsyncGenerator<SubscriptionMessage, void, undefined> {
  validateSubscribe(request);
  const { errorFor, log, tail } = parts;
  const told = (error: unknown) =>
    errorFor === undefined || signal.aborted ? (error as Error) : errorFor(error);
  const selection: Selection = { scope: request.scope ?? WHOLE_LOG, filters: request.filters ?? [] };
  // The ring must stand before the table is read, so that nothing falls in between.
  const follower = await tail.follow().catch((error: unknown) => {
    throw told(error);
  });
  let feed: LiveFeed | undefined;
  let state: SubscriptionState = 'CATCHING_UP';
  const after = (event: SubscriptionEvent) => {
    state = nextState(state, event);
  };
  try {
    let position = await startPosition(log, request.start ?? { kind: 'BEGINNING' }, signal);
    let epoch = follower.ring.epoch;
    feed = new LiveFeed(follower, selection, signal, take);
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
      let message: SubscriptionMessage | undefined;
      try {
        message = await feed.next(position, epoch);
      } catch (error) {
        throw error instanceof LogEpochChangedError ? asSeenFrom(feed, error) : error;
      }
      // What was taken meanwhile counts.
      ({ position, epoch } = feed);
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
      after('PAGE_SCANNED');
      yield message;
    }
  } catch (error) {
    after(error instanceof LogEpochChangedError ? 'TAIL_LOST' : 'STOPPED');
    throw told(error);
  } finally {
    feed?.close();
    follower.leave();
  }
}

/** The ring may still hold the tail that the table has lost. */
function anotherLife(): StoreUnavailableError {
  return new StoreUnavailableError('The log has begun another epoch; resume from the last position');
}

/** The tail reader tells of where it stood itself; a follower that had not come so far may have lost nothing. */
function asSeenFrom(
  { epoch, position }: Pick<LiveFeed, 'epoch' | 'position'>,
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
