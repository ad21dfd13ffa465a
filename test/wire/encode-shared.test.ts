import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packedPage, untouchedEvents } from '../../src/core/packed-events.js';
import { markShared } from '../../src/core/shared-messages.js';
import type { SubscriptionMessage } from '../../src/core/subscribe.js';
import { heldPage } from '../../src/subscriptions/held-events.js';
import { Picked } from '../../src/subscriptions/picked.js';
import { PackedMessage } from '../../src/wire/encode-packed.js';
import { encodeSubscriptionMessage } from '../../src/wire/encode-page.js';
import { encodeSharedMessage } from '../../src/wire/encode-shared.js';
import { pack, packPage } from '../core/packed.js';
import { event, text, uint64 } from './arbitraries.js';

/** Within a second of 1970 and later, where the fixture counts as the store does. */
const stored = fc
  .tuple(event, fc.uuid(), fc.bigInt(0n, 4_000_000_000_000_000n), fc.array(text, { maxLength: 3 }))
  .map(([made, eventId, recordedAt, tags]) => ({ ...made, eventId, recordedAt, tags }));

/** The bytes that leave. */
function leaving(message: SubscriptionMessage): Buffer {
  const encoded = encodeSharedMessage(message);
  return encoded instanceof PackedMessage ? encoded.encode() : encoded;
}

const INDEXES = [0, 1, 2, 3, 4, 5];
const RANGES = [
  { scannedAfter: 0n, scannedTo: 9n, epoch: 1n },
  { scannedAfter: 3n, scannedTo: 9n, epoch: 1n },
  { scannedAfter: 0n, scannedTo: 9n, epoch: 2n },
];

const messages = fc.array(
  fc.record({
    /** Which events, of two pages; all of the first one, or those with these indexes of each. */
    which: fc.option(fc.tuple(fc.subarray(INDEXES), fc.subarray(INDEXES))),
    /** Mostly one that another message has, too. */
    range: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...RANGES) },
      fc.record({ scannedAfter: uint64, scannedTo: uint64, epoch: uint64 }),
    ),
    shared: fc.boolean(),
  }),
  { maxLength: 6 },
);

describe('messages of what a ring holds in bytes', () => {
  it('are byte for byte what the same events are as objects, shared or not, whoever was encoded first', () => {
    const pages = fc.tuple(
      fc.array(stored, { minLength: 1, maxLength: 6 }),
      fc.array(stored, { maxLength: 6 }),
      messages,
    );
    fc.assert(
      fc.property(pages, ([first, second, asked]) => {
        const range = { scannedAfter: 0n, scannedTo: 9n, epoch: 1n };
        const held = [first, second].map((events) => heldPage(packPage({ events, ...range })).events);
        for (const one of asked) {
          const picked = new Picked();
          const chosen = one.which ?? [INDEXES, []];
          const places = chosen.flatMap((indexes, page) => indexes.map((index) => [page, index] as const));
          const events = places.flatMap(([page, index]) => {
            const from = held[page];
            const plain = [first, second][page]?.[index];
            if (from === undefined || plain === undefined) return [];
            picked.add(from, index);
            return plain;
          });
          const message = picked.message(one.range);
          if (one.shared) markShared(message);
          const bytes = leaving(message);
          // Nobody has made objects of them.
          if (events.length > 0) expect(untouchedEvents(message)).toBeDefined();
          const plain: SubscriptionMessage = { ...one.range, events };
          expect(message.events.map(({ eventId }) => eventId)).toEqual(events.map(({ eventId }) => eventId));
          // Metadata in another order are the same.
          expect(bytes.byteLength).toBe(encodeSubscriptionMessage(plain).byteLength);
          expect(encodeSubscriptionMessage({ ...one.range, events: message.events }).equals(bytes)).toBe(
            true,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are so with events of any size', () => {
    const [one] = fc.sample(stored, 1);
    if (one === undefined) throw new Error('There is no event');
    const sizes = [0, 1, 100, 127, 128, 16_000, 16_384, 70_000, 2_100_000];
    const events = sizes.map((size) => ({ ...one, data: new Uint8Array(size).fill(size) }));
    const range = { scannedAfter: 0n, scannedTo: 9n, epoch: 1n };
    const plain = encodeSubscriptionMessage({ events, ...range });
    for (let times = 0; times < 2; times += 1) {
      const message = packPage({ events, ...range });
      markShared(message);
      expect(leaving(message).equals(plain)).toBe(true);
    }
  });

  it('are as somebody has made them who looked at the events', () => {
    const [one] = fc.sample(stored, 1);
    if (one === undefined) throw new Error('There is no event');
    const message = packPage({ events: [one], scannedAfter: 0n, scannedTo: 9n, epoch: 1n });
    markShared(message);
    for (const seen of message.events) Object.assign(seen, { eventType: 'Changed' });
    expect(leaving(message).includes('Changed')).toBe(true);
  });

  it('leave their memory to the ring, shared or not', () => {
    const events = fc.sample(stored, 2);
    for (const shared of [false, true]) {
      let released = 0;
      const packed = { ...pack(events), release: () => (released += 1) };
      const range = { scannedAfter: 0n, scannedTo: 9n, epoch: 1n };
      const message = packedPage(packed, range);
      if (shared) markShared(message);
      expect(
        leaving(message).equals(encodeSubscriptionMessage({ events: pack(events).unpack(), ...range })),
      ).toBe(true);
      expect(released).toBe(0);
    }
  });
});
