import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { Selection } from '../core/log.js';
import { type Matcher, matcher } from '../core/matcher.js';
import { onAbort } from '../core/on-abort.js';
import { markShared } from '../core/shared-messages.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import type { Found, Place, Sleeper } from './dispatch.js';
import { Picked } from './picked.js';
import type { Ring } from './ring.js';
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
  /** Whom to tell, and what the reader has. */
  #asked:
    | {
        readonly position: bigint;
        readonly resolve: (message: SubscriptionMessage) => void;
        readonly reject: (error: Error) => void;
      }
    | undefined;

  constructor(
    { dispatch, ring }: Pick<TailFollower, 'dispatch' | 'ring'>,
    selection: Selection,
    signal: AbortSignal,
  ) {
    this.#ring = ring;
    this.#signal = signal;
    // Not before it has caught up: until then it would be asked for nothing.
    this.#enter = () => dispatch.enter(selection, this);
    this.#letGo = onAbort(signal, () => this.#place?.wakeWith(signal.reason));
    this.#matches = matcher(selection.scope, selection.filters);
  }

  /**
   * The next message behind `position`, or `undefined` if the ring no longer holds what comes next. Rejects with
   * `StoreUnavailableError` when the log has been out of reach for too long, with `LogEpochChangedError` when it lost its
   * tail, and with the signal's reason.
   */
  next(position: bigint): Promise<SubscriptionMessage | undefined> {
    if (this.#scanned < position) this.#scanned = position;
    const events = this.#look();
    const { epoch, start } = this.#ring;
    if (events.count > 0) return Promise.resolve(this.#tell(position, { events, epoch, shared: false }));
    if (this.#scanned < start) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#signal.throwIfAborted();
      this.#place ??= this.#enter();
      this.#place.sleep({ scanned: this.#scanned, told: position });
      this.#asked = { position, resolve, reject };
    });
  }

  wake(found: Found): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#scanned = found.scannedTo;
    asked?.resolve(this.#tell(asked.position, found));
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

  #tell(scannedAfter: bigint, { epoch, events, shared }: Omit<Found, 'scannedTo'>): SubscriptionMessage {
    const message = events.message({ scannedAfter, scannedTo: this.#scanned, epoch });
    if (shared && events.isWhole) markShared(message);
    return message;
  }
}
