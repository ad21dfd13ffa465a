import type { Picked } from './picked.js';

/** What a sleeper is woken with: all that matches of the positions that it slept through. */
export interface Found {
  /** Empty if it was woken to be told how far the log was scanned. */
  readonly events: Picked;
  readonly scannedTo: bigint;
  readonly epoch: bigint;
  /** Whether others are woken with some of the same events. */
  readonly shared: boolean;
}

/** Who is woken, once for each sleep. */
export interface Sleeper {
  wake(found: Found): void;
  wakeWith(error: unknown): void;
}

/** Where one who follows sleeps. */
export class Bed {
  asleep = false;
  /** Up to where it has looked, and … */
  scanned = 0n;
  /** … its reader was told. */
  told = 0n;
  /** When it fell asleep, by the monotonic clock. */
  since = 0;
  /** What a page has for it, while the page is looked through. */
  found: Picked | undefined;
  /** Who fell asleep before it … */
  previous: Bed | undefined;
  /** … and after it. */
  next: Bed | undefined;

  constructor(readonly sleeper: Sleeper) {}
}

/**
 * Those who sleep, in the order in which they fell asleep. By links, and not a `Set`: who is woken by each page falls asleep again at
 * once, and a `Set` from which so much is deleted is a chain of tables in V8, see `ChurnedMap`.
 */
export class Sleepers {
  #first: Bed | undefined;
  #last: Bed | undefined;
  #size = 0;

  get first(): Bed | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  add(bed: Bed): void {
    this.remove(bed);
    bed.asleep = true;
    bed.previous = this.#last;
    if (this.#last === undefined) this.#first = bed;
    else this.#last.next = bed;
    this.#last = bed;
    this.#size += 1;
  }

  /** Answers whether it was asleep. */
  remove(bed: Bed): boolean {
    if (!bed.asleep) return false;
    const { next, previous } = bed;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    bed.asleep = false;
    bed.previous = undefined;
    bed.next = undefined;
    this.#size -= 1;
    return true;
  }
}
