import type { Event } from '../core/event.js';
import type { LoadPage } from '../core/load.js';
import type { Look, Seen } from '../core/look.js';
import { streamKey } from '../core/stream.js';
import { erasedEvent, erasedVersions, isSystemEventType } from '../core/system-events.js';
import { HeldObjects, type HeldPage, heldPage } from './held-events.js';

interface Entry {
  readonly page: HeldPage;
  readonly bytes: number;
}

/** What stands for a page that is gone, until it is cut off: nothing of it is held any longer. */
const EVICTED = entryOf({ events: new HeldObjects([]), scannedAfter: 0n, scannedTo: 0n, epoch: 0n });

/** What the ring may hold. */
export interface RingOptions {
  /**
   * Of memory, the objects around the data included.
   * @default 16 MiB
   */
  readonly bytes?: number;
  /**
   * Pages, of which a trickle of appends makes one each.
   * @default 4096
   */
  readonly pages?: number;
}

/**
 * The newest stretch of the whole log in memory, shared by all live subscriptions: pages whose ranges meet. When it is
 * full the oldest page goes; whoever still needed it reads from the table.
 */
export class Ring {
  readonly #maxBytes: number;
  readonly #maxPages: number;
  #pages: Entry[] = [];
  /** Pages before this index are gone; they are cut off in bulk, since `shift` of a long array is slow. */
  #first = 0;
  #bytes = 0;
  #end: bigint;
  #epoch: bigint;

  /** @param end the position behind which the first page will begin */
  constructor(end: bigint, epoch: bigint, options: RingOptions = {}) {
    this.#end = end;
    this.#epoch = epoch;
    this.#maxBytes = options.bytes ?? 16 * 1024 * 1024;
    this.#maxPages = options.pages ?? 4096;
  }

  /** The last position that was added. */
  get end(): bigint {
    return this.#end;
  }

  /** The position behind which the oldest page begins. */
  get start(): bigint {
    return this.#pages[this.#first]?.page.scannedAfter ?? this.#end;
  }

  get epoch(): bigint {
    return this.#epoch;
  }

  /**
   * Adds a page that begins where the last one ended. What an event in it says is erased is emptied here too: copies must
   * not outlive the erasure.
   *
   * @param given at the page's events, if there is one that is faster than that at its bytes
   */
  push(page: LoadPage, given?: Look): void {
    if (page.scannedAfter !== this.#end)
      throw new RangeError(`The ring ends at ${this.#end}, the page begins behind ${page.scannedAfter}`);
    this.#epoch = page.epoch;
    if (page.scannedTo === this.#end) return;
    const entry = entryOf(heldPage(page));
    this.#pages.push(entry);
    this.#bytes += entry.bytes;
    this.#end = page.scannedTo;
    const { events } = entry.page;
    const look = given ?? events.look();
    for (let index = 0; index < events.count; index++)
      if (isErasure(look.at(index))) this.#erase(events.event(index));
    while (this.#length > 1 && (this.#bytes > this.#maxBytes || this.#length > this.#maxPages)) {
      this.#bytes -= this.#pages[this.#first]?.bytes ?? 0;
      this.#pages[this.#first] = EVICTED;
      this.#first += 1;
    }
    if (this.#first > 1024 || this.#first > this.#pages.length / 2) {
      this.#pages = this.#pages.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The page that holds what follows `position`, or `undefined` if that is not here (yet, or any more). */
  pageAfter(position: bigint): HeldPage | undefined {
    let low = this.#first;
    let high = this.#pages.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const page = this.#pages[middle]?.page;
      if (page === undefined) return undefined;
      if (position < page.scannedAfter) high = middle - 1;
      else if (position >= page.scannedTo) low = middle + 1;
      else return page;
    }
    return undefined;
  }

  /** Pages are replaced and not changed, since readers may hold them; the event itself may stand in the same page. */
  #erase(erasure: Event): void {
    const ranges = erasedVersions(erasure) ?? [];
    const key = streamKey(erasure.stream);
    const isMeant = ({ eventType, stream, version }: Seen) =>
      !isSystemEventType(eventType) &&
      ranges.some(({ first, last }) => version >= first && version <= last) &&
      streamKey(stream) === key;
    for (let index = this.#first; index < this.#pages.length; index++) {
      const entry = this.#pages[index];
      if (entry === undefined || !someOf(entry.page, isMeant)) continue;
      // As objects: the bytes that the others lie in are those of the erased ones too.
      const { events } = entry.page;
      const kept = Array.from({ length: events.count }, (_, at) => events.event(at));
      const emptied = entryOf({
        ...entry.page,
        events: new HeldObjects(
          kept.map((event) => (!event.erased && isMeant(event) ? erasedEvent(event) : event)),
        ),
      });
      this.#bytes += emptied.bytes - entry.bytes;
      this.#pages[index] = emptied;
    }
  }

  get #length(): number {
    return this.#pages.length - this.#first;
  }
}

/** Cheap, since every event that is pushed is asked. */
function isErasure({ eventType }: Seen): boolean {
  return eventType === '$stream-erased' || eventType === '$events-erased';
}

function someOf({ events }: HeldPage, holds: (event: Seen) => boolean): boolean {
  const look = events.look();
  for (let index = 0; index < events.count; index++) if (holds(look.at(index))) return true;
  return false;
}

function entryOf(page: HeldPage): Entry {
  return { page, bytes: page.events.memoryBytes };
}
