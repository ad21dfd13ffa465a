import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import type { LoadPage } from '../../src/core/load.js';
import {
  erasedEvent,
  type StreamChangeKind,
  SYSTEM_EVENT_TYPE,
  systemEventData,
} from '../../src/core/system-events.js';
import type { HeldPage } from '../../src/subscriptions/held-events.js';
import { Ring } from '../../src/subscriptions/ring.js';
import { storedEvent } from '../core/events.js';
import { packPage } from '../core/packed.js';

const stream = (aggregateId: string) => ({ aggregateType: 'Account', aggregateId });

/** An event with data at a position; of stream `a` at the version of the same number unless told otherwise. */
function at(position: bigint, fields: Partial<Event> = {}): Event {
  return storedEvent({
    position,
    version: position,
    stream: stream('a'),
    data: Uint8Array.from([Number(position)]),
    metadata: { k: 'secret' },
    tags: ['a:1'],
    ...fields,
  });
}

function system(position: bigint, change: StreamChangeKind, fields: Partial<Event> = {}): Event {
  return at(position, {
    eventType: SYSTEM_EVENT_TYPE[change.kind],
    data: systemEventData(change),
    ...fields,
  });
}

function plainPage(scannedAfter: bigint, ...events: readonly Event[]): LoadPage {
  return { events, scannedAfter, scannedTo: events.at(-1)?.position ?? scannedAfter, epoch: 1n };
}

/** As objects, as a store in memory gives them, and in bytes, as Postgres does. */
const KINDS = [
  ['objects', plainPage],
  ['bytes', (...given: Parameters<typeof plainPage>) => packPage(plainPage(...given))],
] as const;

/** What a store in bytes gives as a Buffer is the same here. */
const eventsOf = ({ events }: HeldPage) =>
  Array.from({ length: events.count }, (_, index) => events.event(index)).map((event) => ({
    ...event,
    data: Uint8Array.from(event.data),
  }));

const contents = (ring: Ring): Event[] => {
  const events: Event[] = [];
  for (let from = ring.start; from < ring.end; ) {
    const next = ring.pageAfter(from);
    if (next === undefined) throw new Error(`The ring has nothing behind ${from}`);
    events.push(...eventsOf(next));
    from = next.scannedTo;
  }
  return events;
};

describe.for(KINDS)('the ring, with pages of %s,', ([, page]) => {
  it('empties its copies when events of a stream are erased, and leaves all others', () => {
    const ring = new Ring(0n, 1n);
    const others = [at(3n, { stream: stream('b'), version: 1n }), at(4n, { version: 3n })];
    ring.push(page(0n, at(1n), at(2n)));
    ring.push(page(2n, ...others));
    const erasure = system(
      5n,
      { kind: 'ERASE_EVENTS', versions: [{ first: 1n, last: 2n }] },
      { version: 4n },
    );
    ring.push(page(4n, erasure));
    expect(contents(ring)).toEqual([erasedEvent(at(1n)), erasedEvent(at(2n)), ...others, erasure]);
  });

  it('empties all of a stream when that is erased, but for the event that says so', () => {
    const ring = new Ring(0n, 1n);
    const other = at(2n, { stream: stream('b'), version: 1n });
    ring.push(page(0n, at(1n), other, at(3n, { version: 2n })));
    const erasure = system(4n, { kind: 'ERASE' }, { version: 3n });
    ring.push(page(3n, erasure));
    expect(contents(ring)).toEqual([
      erasedEvent(at(1n)),
      other,
      erasedEvent(at(3n, { version: 2n })),
      erasure,
    ]);
  });

  it('empties what stands in the same page as the erasure', () => {
    const ring = new Ring(0n, 1n);
    const erasure = system(3n, { kind: 'ERASE_EVENTS', versions: [{ first: 2n, last: 2n }] });
    ring.push(page(0n, at(1n), at(2n), erasure));
    expect(contents(ring)).toEqual([at(1n), erasedEvent(at(2n)), erasure]);
  });

  it('does not change a page that a reader holds', () => {
    const ring = new Ring(0n, 1n);
    ring.push(page(0n, at(1n)));
    const held = ring.pageAfter(0n);
    ring.push(page(1n, system(2n, { kind: 'ERASE' })));
    expect(held && eventsOf(held)).toEqual([at(1n)]);
    const now = ring.pageAfter(0n);
    expect(now && eventsOf(now)).toEqual([erasedEvent(at(1n))]);
  });

  it('takes the erasure of an erasure, of which it can no longer know what it said', () => {
    const ring = new Ring(0n, 1n);
    ring.push(page(0n, at(1n)));
    const erased = erasedEvent(system(2n, { kind: 'ERASE_EVENTS', versions: [{ first: 1n, last: 1n }] }));
    ring.push(page(1n, erased));
    expect(contents(ring)).toEqual([at(1n), erased]);
  });

  it('has room again for what was emptied', () => {
    const big = (position: bigint) => at(position, { data: new Uint8Array(40_000) });
    const ring = new Ring(0n, 1n, { bytes: 100_000 });
    ring.push(page(0n, big(1n)));
    ring.push(page(1n, big(2n)));
    ring.push(page(2n, system(3n, { kind: 'ERASE' })));
    ring.push(page(3n, big(4n)));
    ring.push(page(4n, big(5n)));
    expect(ring.start).toBe(0n);
    ring.push(page(5n, big(6n)));
    expect(ring.start > 0n).toBe(true);
  });
});
