import type { Event } from '../core/event.js';
import type { LoadPage } from '../core/load.js';
import type { Selection } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import { Alarm } from './alarm.js';
import type { Ring } from './ring.js';
import { type Findings, SelectionIndex } from './selection-index.js';

/** Those whose time comes within so many milliseconds … */
const TOGETHER_MS = 20;
/** … or positions are told together, so that not every page has all looked at for the few whose turn it is. */
const TOGETHER_POSITIONS = 50n;

/** What a sleeper is woken with: all that matches of the positions that it slept through. */
export interface Found {
  /** Empty if it was woken to be told how far the log was scanned. */
  readonly events: readonly Event[];
  readonly scannedTo: bigint;
  readonly epoch: bigint;
  /** Whether others are woken with some of the same events. */
  readonly shared: boolean;
}

/** How long a follower may sleep. */
export interface Sleep {
  /** Up to where it has looked: at least the ring's end. */
  readonly scanned: bigint;
  /** Up to where its reader was told. */
  readonly told: bigint;
  /** When the ring has come here it is woken, whether anything matched or not … */
  readonly tellAt: bigint;
  /** … and at this time by the monotonic clock, if there is anything to tell. */
  readonly tellBy: number;
}

/** Who is woken, once for each sleep. */
export interface Sleeper {
  wake(found: Found): void;
  wakeWith(error: unknown): void;
}

/** A live follower's place. */
export interface Place {
  /**
   * Until something that matches has come, or it is time to tell how far the log was scanned. To be begun in the same turn in
   * which the ring was looked through. Throws what ended the tail reader; if that comes later, the sleeper is woken with it.
   */
  sleep(until: Sleep): void;
  /** Ends a sleep, if there is one, with an error. */
  wakeWith(error: unknown): void;
  leave(): void;
}

/**
 * Wakes, of all who follow the log live, those that a page is for: with a thousand followers an append is for a few. Who has
 * nothing to do sleeps without a timer or a look at the ring; that it has seen all up to the ring's end follows from its
 * sleeping. One alarm for all tells those that were long told nothing.
 */
export class Dispatch {
  readonly #ring: Ring;
  readonly #runtime: Runtime;
  readonly #index = new SelectionIndex<Bed>();
  readonly #asleep = new Set<Bed>();
  readonly #alarm: Alarm;
  /** Nobody asleep is to be told before the ring comes here … */
  #tellAt: bigint | undefined;
  /** … or this time. */
  #tellBy = Infinity;
  #failure: { readonly error: unknown } | undefined;

  constructor(ring: Ring, runtime: Runtime) {
    this.#ring = ring;
    this.#runtime = runtime;
    this.#alarm = new Alarm(runtime, () => this.#tell());
  }

  /** Takes a place for what the selection lets through. */
  enter(selection: Selection, sleeper: Sleeper): Place {
    const bed = new Bed(sleeper);
    const takeOut = this.#index.add(selection, bed);
    return {
      sleep: (until) => this.#sleep(bed, until),
      wakeWith: (error) => this.#wakeWith(bed, error),
      leave: () => {
        takeOut();
        this.#asleep.delete(bed);
      },
    };
  }

  /** The ring has got a page, as it stands there. */
  advanced({ events, epoch, scannedTo }: LoadPage): void {
    if (this.#asleep.size === 0) return;
    const woken: Bed[] = [];
    let [deliveries, delivered] = [0, 0];
    const findings: Findings<Bed> = {
      found: (bed, event) => {
        if (bed.until === undefined || event.position <= bed.until.scanned) return;
        if (bed.found.length === 0) woken.push(bed);
        bed.found.push(event);
        deliveries += 1;
      },
      failed: (bed, error) => this.#wakeWith(bed, error),
    };
    for (const event of events) {
      const before = deliveries;
      this.#index.find(event, findings);
      if (deliveries > before) delivered += 1;
    }
    const shared = deliveries > delivered;
    for (const bed of woken) this.#wake(bed, { events: bed.found, scannedTo, epoch, shared });
    if (this.#tellAt !== undefined && scannedTo >= this.#tellAt) this.#tell();
    else this.#alarm.set(this.#tellBy);
  }

  /** Ends all sleeps, and those to come, with the error. */
  end(error: unknown): void {
    this.#failure = { error };
    this.#alarm.clear();
    for (const bed of this.#asleep) this.#wakeWith(bed, error);
  }

  #sleep(bed: Bed, until: Sleep): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    bed.until = until;
    this.#asleep.add(bed);
    if (this.#tellAt === undefined || until.tellAt < this.#tellAt) this.#tellAt = until.tellAt;
    if (until.tellBy < this.#tellBy) this.#tellBy = until.tellBy;
    if (this.#ring.end > until.told) this.#alarm.set(until.tellBy);
  }

  #wake(bed: Bed, found: Found): void {
    if (this.#rise(bed)) bed.sleeper.wake(found);
  }

  #wakeWith(bed: Bed, error: unknown): void {
    if (this.#rise(bed)) bed.sleeper.wakeWith(error);
  }

  #rise(bed: Bed): boolean {
    bed.until = undefined;
    if (bed.found.length > 0) bed.found = [];
    return this.#asleep.delete(bed);
  }

  /** Tells all whose turn it is how far the log was scanned, and looks when it is the next one's. */
  #tell(): void {
    const { end, epoch } = this.#ring;
    const nothing: Found = { events: [], scannedTo: end, epoch, shared: false };
    const at = end + TOGETHER_POSITIONS;
    const by = this.#runtime.monotonic() + TOGETHER_MS;
    let next = Infinity;
    this.#tellAt = undefined;
    this.#tellBy = Infinity;
    for (const bed of this.#asleep) {
      if (bed.until === undefined) continue;
      const { told, tellAt, tellBy } = bed.until;
      const isBehind = end > told;
      if (isBehind && (tellAt <= at || tellBy <= by)) {
        this.#wake(bed, nothing);
        continue;
      }
      if (this.#tellAt === undefined || tellAt < this.#tellAt) this.#tellAt = tellAt;
      if (tellBy < this.#tellBy) this.#tellBy = tellBy;
      if (isBehind && tellBy < next) next = tellBy;
    }
    this.#alarm.set(next);
  }
}

/** Where one who follows sleeps. */
class Bed {
  /** `undefined` while it is awake, at work on what it was woken with. */
  until: Sleep | undefined;
  /** What a page has for it, while the page is looked through. */
  found: Event[] = [];

  constructor(readonly sleeper: Sleeper) {}
}
