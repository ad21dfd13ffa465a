import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { Selection } from '../core/log.js';
import { type Matcher, matcher } from '../core/matcher.js';
import { onAbort } from '../core/on-abort.js';
import type { Take } from '../core/pushing.js';
import { markShared } from '../core/shared-messages.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import type { Place } from './dispatch.js';
import { Picked } from './picked.js';
import type { Ring } from './ring.js';
import type { Found, Sleeper } from './sleepers.js';
import type { TailFollower } from './tail.js';

/**
 * Takes what matches out of the ring: what came while its reader was at work it looks for itself; when there is nothing
 * more it sleeps, until the dispatch brings what matches.
 */
export class LiveFeed implements Sleeper {
  readonly #ring: Ring;
  readonly #enter: () => Place;
  #place: Place | undefined;
  readonly #signal: AbortSignal;
  readonly #letGo: () => void;
  readonly #matches: Matcher;
  /** How far the ring was looked through; ahead of the reader's position while nothing matched. */
  #scanned = 0n;
  /** What the reader has. */
  #position = 0n;
  #epoch = 0n;
  readonly #take: Take<SubscriptionMessage>;
  /** Whom to tell. */
  #asked:
    | {
        readonly resolve: (message: SubscriptionMessage) => void;
        readonly reject: (error: Error) => void;
      }
    | undefined;

  /** @param take is offered first what comes during a sleep; while it takes that, the sleep goes on */
  constructor(
    { dispatch, ring }: Pick<TailFollower, 'dispatch' | 'ring'>,
    selection: Selection,
    signal: AbortSignal,
    take: Take<SubscriptionMessage> = () => false,
  ) {
    this.#ring = ring;
    this.#take = take;
    this.#signal = signal;
    // Not before it has caught up: until then it would be asked for nothing.
    this.#enter = () => dispatch.enter(selection, this);
    this.#letGo = onAbort(signal, () => this.#place?.wakeWith(signal.reason));
    this.#matches = matcher(selection.scope, selection.filters);
  }

  /** Up to where the reader has all that matches, what was taken included … */
  get position(): bigint {
    return this.#position;
  }

  /** … and the epoch of that. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /**
   * The next message behind `position`, or `undefined` if the ring no longer holds what comes next. Rejects with
   * `StoreUnavailableError` when the log has been out of reach for too long, with `LogEpochChangedError` when it lost its
   * tail, and with the signal's reason.
   */
  next(position: bigint, epoch: bigint): Promise<SubscriptionMessage | undefined> {
    this.#position = position;
    this.#epoch = epoch;
    if (this.#scanned < position) this.#scanned = position;
    const events = this.#look();
    const { start } = this.#ring;
    if (events.count > 0)
      return Promise.resolve(this.#tell({ events, epoch: this.#ring.epoch, shared: false }));
    if (this.#scanned < start) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#signal.throwIfAborted();
      this.#sleep();
      this.#asked = { resolve, reject };
    });
  }

  wake(found: Found): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    try {
      this.#scanned = found.scannedTo;
      const message = this.#tell(found);
      if (this.#take(message)) {
        this.#sleep();
        return;
      }
      this.#asked = undefined;
      asked.resolve(message);
    } catch (error) {
      this.wakeWith(error);
    }
  }

  wakeWith(error: unknown): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.reject(error as Error);
  }

  close(): void {
    this.#letGo();
    this.#place?.leave();
  }

  /** What matches, of what the ring has got since; at most a page. */
  #look(): Picked {
    const picked = new Picked();
    let bytes = 0;
    for (;;) {
      const page = this.#ring.pageAfter(this.#scanned);
      if (page === undefined) return picked;
      const { events } = page;
      const look = events.look();
      for (let index = 0; index < events.count; index++) {
        const event = look.at(index);
        const { position } = event;
        if (position <= this.#scanned || !this.#matches(event)) continue;
        const size = events.sizeOf(index);
        if (picked.count > 0 && (bytes + size > PAGE_BYTES || picked.count >= PAGE_EVENTS)) return picked;
        picked.add(events, index);
        bytes += size;
        this.#scanned = position;
      }
      this.#scanned = page.scannedTo;
    }
  }

  #sleep(): void {
    this.#place ??= this.#enter();
    this.#place.sleep(this.#scanned, this.#position);
  }

  /** The reader has all up to where was looked. */
  #tell({ epoch, events, shared }: Omit<Found, 'scannedTo'>): SubscriptionMessage {
    const message = events.message({ scannedAfter: this.#position, scannedTo: this.#scanned, epoch });
    if (shared && events.isWhole) markShared(message);
    this.#position = this.#scanned;
    this.#epoch = epoch;
    return message;
  }
}
