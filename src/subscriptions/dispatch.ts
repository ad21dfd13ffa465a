import type { Selection } from '../core/log.js';
import type { Look } from '../core/look.js';
import type { Runtime } from '../core/runtime.js';
import { Alarm } from './alarm.js';
import type { HeldPage } from './held-events.js';
import { Picked } from './picked.js';
import type { Ring } from './ring.js';
import { type Findings, SelectionIndex } from './selection-index.js';
import { Bed, type Found, type Sleeper, Sleepers } from './sleepers.js';

/** Those whose time comes within so many milliseconds are told together, … */
const TOGETHER_MS = 20;
/** … and so many at least, if there are so many. */
const TOGETHER = 16;

/** A live follower's place. */
export interface Place {
  /**
   * Until something that matches has come, or it is time to tell how far the log was scanned. To be begun in the same turn in
   * which the ring was looked through. Throws what ended the tail reader; if that comes later, the sleeper is woken with it.
   *
   * @param scanned up to where it has looked: at least the ring's end
   * @param told up to where its reader was told
   */
  sleep(scanned: bigint, told: bigint): void;
  /** Ends a sleep, if there is one, with an error. */
  wakeWith(error: unknown): void;
  leave(): void;
}

/**
 * Wakes, of all who follow the log live, those that a page is for: with a thousand followers an append is for a few. Who has
 * nothing to do sleeps without a timer or a look at the ring; that it has seen all up to the ring's end follows from its
 * sleeping. One alarm for all tells those that have slept long how far the log was scanned, a few at a time: to tell all
 * thousand every thousand positions was a message for each append, and a quarter of the service's CPU.
 */
export class Dispatch {
  readonly #ring: Ring;
  readonly #runtime: Runtime;
  readonly #index = new SelectionIndex<Bed>();
  /** In the order in which they fell asleep, which is that in which they are told. */
  readonly #asleep = new Sleepers();
  readonly #alarm: Alarm;
  readonly #progressMilliseconds: number;
  /** When some were told last, by the monotonic clock. */
  #toldAt = -Infinity;
  #failure: { readonly error: unknown } | undefined;

  /** @param progressMilliseconds after which a sleeper is told how far the log was scanned, if it was */
  constructor(ring: Ring, runtime: Runtime, progressMilliseconds = 1000) {
    this.#ring = ring;
    this.#runtime = runtime;
    this.#progressMilliseconds = progressMilliseconds;
    this.#alarm = new Alarm(runtime, () => this.#tell());
  }

  /** Takes a place for what the selection lets through. */
  enter(selection: Selection, sleeper: Sleeper): Place {
    const bed = new Bed(sleeper);
    const takeOut = this.#index.add(selection, bed);
    return {
      sleep: (scanned, told) => this.#sleep(bed, scanned, told),
      wakeWith: (error) => this.#wakeWith(bed, error),
      leave: () => {
        takeOut();
        this.#asleep.remove(bed);
      },
    };
  }

  /** The ring has got a page, as it stands there; `look` is at its events. */
  advanced({ events, epoch, scannedTo }: HeldPage, look: Look = events.look()): void {
    if (this.#asleep.first === undefined) return;
    const woken: Bed[] = [];
    let [deliveries, delivered] = [0, 0];
    let index = 0;
    const findings: Findings<Bed> = {
      found: (bed, event) => {
        if (!bed.asleep || event.position <= bed.scanned) return;
        if (bed.found === undefined) woken.push(bed);
        (bed.found ??= new Picked()).add(events, index);
        deliveries += 1;
      },
      failed: (bed, error) => this.#wakeWith(bed, error),
    };
    for (; index < events.count; index++) {
      const before = deliveries;
      this.#index.find(look.at(index), findings);
      if (deliveries > before) delivered += 1;
    }
    const shared = deliveries > delivered;
    for (const bed of woken)
      if (bed.found !== undefined) this.#wake(bed, { events: bed.found, scannedTo, epoch, shared });
    const { first } = this.#asleep;
    if (first !== undefined) this.#tellLater(first);
  }

  /** Ends all sleeps, and those to come, with the error. */
  end(error: unknown): void {
    this.#failure = { error };
    this.#alarm.clear();
    for (let bed = this.#asleep.first; bed !== undefined; bed = this.#asleep.first)
      this.#wakeWith(bed, error);
  }

  #sleep(bed: Bed, scanned: bigint, told: bigint): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    bed.scanned = scanned;
    bed.told = told;
    bed.since = this.#runtime.monotonic();
    this.#asleep.add(bed);
    if (this.#ring.end > told) this.#tellLater(bed);
  }

  #wake(bed: Bed, found: Found): void {
    if (this.#rise(bed)) bed.sleeper.wake(found);
  }

  #wakeWith(bed: Bed, error: unknown): void {
    if (this.#rise(bed)) bed.sleeper.wakeWith(error);
  }

  #rise(bed: Bed): boolean {
    bed.found = undefined;
    return this.#asleep.remove(bed);
  }

  #tellLater({ since }: Bed): void {
    this.#alarm.set(Math.max(since + this.#progressMilliseconds, this.#toldAt + TOGETHER_MS));
  }

  /** Tells those whose turn it is how far the log was scanned, and looks when it is the next one's. */
  #tell(): void {
    const { end, epoch } = this.#ring;
    const nothing: Found = { events: new Picked(), scannedTo: end, epoch, shared: false };
    const now = this.#runtime.monotonic();
    this.#toldAt = now;
    // Where the log moves on after a rest it is everybody's turn: so many at a time are all within the usual while.
    const most = Math.max(
      TOGETHER,
      Math.ceil((this.#asleep.size * TOGETHER_MS) / this.#progressMilliseconds),
    );
    const due: Bed[] = [];
    for (let bed = this.#asleep.first; bed !== undefined; bed = bed.next) {
      if (end <= bed.told) continue;
      if (due.length === most || bed.since + this.#progressMilliseconds > now + TOGETHER_MS) {
        this.#tellLater(bed);
        break;
      }
      due.push(bed);
    }
    for (const bed of due) this.#wake(bed, nothing);
  }
}
