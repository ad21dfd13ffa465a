import { type Event, eventBytes } from '../core/event.js';
import { EventView } from '../core/event-view.js';
import type { LoadPage } from '../core/load.js';
import type { Look } from '../core/look.js';
import { type PackedEvents, untouchedEvents } from '../core/packed-events.js';

/** What an event takes beside its bytes, as an object: big integers, strings and arrays of V8. */
const OBJECT_BYTES = 800;
/** What it takes in bytes: two numbers, where it lies. */
const PLACE_BYTES = 16;

/** The events of a page of the ring. */
export interface HeldEvents {
  readonly count: number;
  /** Of memory, what lies around the events included. */
  readonly memoryBytes: number;
  /** In bytes of the store, if they are held so. */
  readonly packed: PackedEvents | undefined;
  look(): Look;
  /** What counts against the budget of a message. */
  sizeOf(index: number): number;
  /** The event itself, to be kept. */
  event(index: number): Event;
}

/** A page in the ring. */
export interface HeldPage {
  readonly events: HeldEvents;
  readonly scannedAfter: bigint;
  readonly scannedTo: bigint;
  readonly epoch: bigint;
}

/**
 * As the page came: in bytes, if nobody has made objects of them. Objects that live for as long as the ring holds them are
 * copied twice by V8 before it lets them be, and looked through again and again.
 */
export function heldPage(page: LoadPage): HeldPage {
  const { epoch, scannedAfter, scannedTo } = page;
  const packed = untouchedEvents(page);
  const events = packed === undefined ? new HeldObjects(page.events) : new HeldBytes(packed);
  return { events, scannedAfter, scannedTo, epoch };
}

class HeldBytes implements HeldEvents {
  constructor(readonly packed: PackedEvents) {}

  get count(): number {
    return this.packed.count;
  }

  get memoryBytes(): number {
    return this.packed.byteLength + this.packed.count * PLACE_BYTES;
  }

  look(): Look {
    return new EventView(this.packed);
  }

  sizeOf(index: number): number {
    return this.packed.sizeOf(index);
  }

  event(index: number): Event {
    return new EventView(this.packed).at(index).unpack();
  }
}

/** Of a store that keeps objects, or where some were erased. */
export class HeldObjects implements HeldEvents {
  readonly packed = undefined;
  readonly #events: readonly Event[];

  constructor(events: readonly Event[]) {
    this.#events = events;
  }

  get count(): number {
    return this.#events.length;
  }

  get memoryBytes(): number {
    return this.#events.reduce((bytes, event) => bytes + eventBytes(event) + OBJECT_BYTES, 0);
  }

  look(): Look {
    return { at: (index) => this.event(index) };
  }

  sizeOf(index: number): number {
    return eventBytes(this.event(index));
  }

  event(index: number): Event {
    const event = this.#events[index];
    if (event === undefined) throw new RangeError(`There is no event ${index}`);
    return event;
  }
}
