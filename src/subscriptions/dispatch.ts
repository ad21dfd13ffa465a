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

/** A live follower's place. */
export interface Place {
  /**
   * Resolves when something that matches has come, or it is time to tell how far the log was scanned. One sleep at a time,
   * begun in the same turn in which the ring was looked through. Rejects with what ended the tail reader, and with what
   * {@link wakeWith} says.
   */
  sleep(until: Sleep): Promise<Found>;
  /** Ends a sleep with an error. */
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
  readonly #index = new SelectionIndex<Sleeper>();
  readonly #asleep = new Set<Sleeper>();
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
  enter(selection: Selection): Place {
    const sleeper = new Sleeper();
    const takeOut = this.#index.add(selection, sleeper);
    return {
      sleep: (until) => this.#sleep(sleeper, until),
      wakeWith: (error) => this.#wakeWith(sleeper, error),
      leave: () => {
        takeOut();
        this.#asleep.delete(sleeper);
      },
    };
  }

  /** The ring has got a page, as it stands there. */
  advanced({ events, epoch, scannedTo }: LoadPage): void {
    if (this.#asleep.size === 0) return;
    const woken: Sleeper[] = [];
    const findings: Findings<Sleeper> = {
      found: (sleeper, event) => {
        if (!sleeper.lacks(event)) return;
        if (sleeper.found.length === 0) woken.push(sleeper);
        sleeper.found.push(event);
      },
      failed: (sleeper, error) => this.#wakeWith(sleeper, error),
    };
    for (const event of events) this.#index.find(event, findings);
    for (const sleeper of woken) this.#wake(sleeper, { events: sleeper.found, scannedTo, epoch });
    if (this.#tellAt !== undefined && scannedTo >= this.#tellAt) this.#tell();
    else this.#alarm.set(this.#tellBy);
  }

  /** Ends all sleeps, and those to come, with the error. */
  end(error: unknown): void {
    this.#failure = { error };
    this.#alarm.clear();
    for (const sleeper of this.#asleep) this.#wakeWith(sleeper, error);
  }

  #sleep(sleeper: Sleeper, until: Sleep): Promise<Found> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error as Error);
    this.#asleep.add(sleeper);
    if (this.#tellAt === undefined || until.tellAt < this.#tellAt) this.#tellAt = until.tellAt;
    if (until.tellBy < this.#tellBy) this.#tellBy = until.tellBy;
    if (this.#ring.end > until.told) this.#alarm.set(until.tellBy);
    return sleeper.sleep(until);
  }

  #wake(sleeper: Sleeper, found: Found): void {
    if (this.#asleep.delete(sleeper)) sleeper.wake(found);
  }

  #wakeWith(sleeper: Sleeper, error: unknown): void {
    if (this.#asleep.delete(sleeper)) sleeper.wakeWith(error);
  }

  /** Tells all whose turn it is how far the log was scanned, and looks when it is the next one's. */
  #tell(): void {
    const { end, epoch } = this.#ring;
    const at = end + TOGETHER_POSITIONS;
    const by = this.#runtime.monotonic() + TOGETHER_MS;
    let next = Infinity;
    this.#tellAt = undefined;
    this.#tellBy = Infinity;
    for (const sleeper of this.#asleep) {
      const { told, tellAt, tellBy } = sleeper.until;
      const isBehind = end > told;
      if (isBehind && (tellAt <= at || tellBy <= by)) {
        this.#wake(sleeper, { events: [], scannedTo: end, epoch });
        continue;
      }
      if (this.#tellAt === undefined || tellAt < this.#tellAt) this.#tellAt = tellAt;
      if (tellBy < this.#tellBy) this.#tellBy = tellBy;
      if (isBehind && tellBy < next) next = tellBy;
    }
    this.#alarm.set(next);
  }
}

const AWAKE: Sleep = { scanned: 0n, told: 0n, tellAt: 0n, tellBy: 0 };

/** One who follows: asleep, or at work on what it was woken with. */
class Sleeper {
  until = AWAKE;
  found: Event[] = [];
  #resolve: ((found: Found) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  sleep(until: Sleep): Promise<Found> {
    this.until = until;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether it sleeps, and has not seen the event yet. */
  lacks(event: Event): boolean {
    return this.#resolve !== undefined && event.position > this.until.scanned;
  }

  wake(found: Found): void {
    this.#resolve?.(found);
    this.#rise();
  }

  wakeWith(error: unknown): void {
    this.#reject?.(error as Error);
    this.#rise();
  }

  #rise(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    this.until = AWAKE;
    this.found = [];
  }
}
