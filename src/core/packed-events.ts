import type { Event } from './event.js';
import type { LoadPage } from './load.js';

const NOTHING = Buffer.alloc(0);

/**
 * Where the parts of one event lie in `bytes`, and its numbers. One object is filled for one event after the other, since
 * that is why it exists: to hand events on without making objects of them. Text is UTF-8, from a byte to before another.
 */
export interface EventFields {
  bytes: Buffer;
  /** The 16 bytes of the UUID. */
  eventId: number;
  aggregateType: number;
  aggregateTypeEnd: number;
  aggregateId: number;
  aggregateIdEnd: number;
  /** The upper 32 bits, without sign, … */
  versionHigh: number;
  /** … and the lower ones. */
  versionLow: number;
  positionHigh: number;
  positionLow: number;
  eventType: number;
  eventTypeEnd: number;
  data: number;
  dataEnd: number;
  contentType: number;
  contentTypeEnd: number;
  /** An object in JSON whose values are strings; no byte at all is an empty one. */
  metadata: number;
  metadataEnd: number;
  /** Where each tag begins and ends. */
  tags: number[];
  schemaVersion: number;
  /** Whole seconds since 1970, before it negative, … */
  recordedSeconds: number;
  /** … and microseconds after that, 0 to 999,999. */
  recordedMicros: number;
  erased: boolean;
}

export function noFields(): EventFields {
  return {
    bytes: NOTHING,
    eventId: 0,
    aggregateType: 0,
    aggregateTypeEnd: 0,
    aggregateId: 0,
    aggregateIdEnd: 0,
    versionHigh: 0,
    versionLow: 0,
    positionHigh: 0,
    positionLow: 0,
    eventType: 0,
    eventTypeEnd: 0,
    data: 0,
    dataEnd: 0,
    contentType: 0,
    contentTypeEnd: 0,
    metadata: 0,
    metadataEnd: 0,
    tags: [],
    schemaVersion: 0,
    recordedSeconds: 0,
    recordedMicros: 0,
    erased: false,
  };
}

/** The events of a page as a store keeps them, in bytes. */
export interface PackedEvents {
  readonly count: number;
  /** All the bytes in which they lie. */
  readonly byteLength: number;
  /** Fills in where the parts of an event lie; `index` from 0. */
  read(index: number, fields: EventFields): void;
  /** The part of one event in {@link byteLength}. */
  sizeOf(index: number): number;
  /** As objects, each with data of its own, so that who keeps one event does not keep the page. */
  unpack(): readonly Event[];
  /** Nobody reads any of them again: their memory is for others, and from then on there are none. */
  release?(): void;
}

class PackedPage implements LoadPage {
  /** The same for all of them: an object with a getter of its own would have a shape of its own in V8, at ten times the cost. */
  static readonly #EVENTS: PropertyDescriptor & ThisType<PackedPage> = {
    enumerable: true,
    get() {
      return this.#touched();
    },
  };

  declare readonly events: readonly Event[];
  readonly scannedAfter: bigint;
  readonly scannedTo: bigint;
  readonly epoch: bigint;
  #packed: PackedEvents;
  /** Made when somebody asks for them. */
  #events: readonly Event[] | undefined;

  constructor(packed: PackedEvents, { scannedAfter, scannedTo, epoch }: Omit<LoadPage, 'events'>) {
    // Its own, so that a copy has the events too.
    Object.defineProperty(this, 'events', PackedPage.#EVENTS);
    this.scannedAfter = scannedAfter;
    this.scannedTo = scannedTo;
    this.epoch = epoch;
    this.#packed = packed;
  }

  /** Whoever has the events might change them, wrongly or not, so what was there before counts no longer. */
  get untouched(): PackedEvents | undefined {
    return this.#events === undefined ? this.#packed : undefined;
  }

  /** Somebody may ask for the events at any time. */
  keep(): void {
    if (this.#packed.release) this.#packed = withoutRelease(this.#packed);
  }

  #touched(): readonly Event[] {
    return (this.#events ??= this.#packed.unpack());
  }
}

/**
 * A page whose events become objects when somebody first asks for them; copies of the page have them too. Until then who
 * only hands it on may take its bytes instead, see {@link untouchedEvents}.
 */
export function packedPage(packed: PackedEvents, range: Omit<LoadPage, 'events'>): LoadPage {
  return new PackedPage(packed, range);
}

/** The page's events in bytes, if it has them so and nobody has looked at its `events` yet. */
export function untouchedEvents(page: LoadPage): PackedEvents | undefined {
  return page instanceof PackedPage ? page.untouched : undefined;
}

/**
 * Pages that somebody sees on the way who may ask for their events at any time, also when their bytes have left and
 * nobody else would.
 */
export async function* keptPages(pages: AsyncIterable<LoadPage>): AsyncGenerator<LoadPage, void, undefined> {
  for await (const page of pages) {
    if (page instanceof PackedPage) page.keep();
    yield page;
  }
}

function withoutRelease(packed: PackedEvents): PackedEvents {
  const { byteLength, count } = packed;
  return {
    byteLength,
    count,
    read: (index, fields) => packed.read(index, fields),
    sizeOf: (index) => packed.sizeOf(index),
    unpack: () => packed.unpack(),
  };
}
