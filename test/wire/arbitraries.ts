import fc from 'fast-check';
import type { Event } from '../../src/core/event.js';

/** Names and texts of all sorts: plain, with characters of two, three and four bytes, long. */
export const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'grapheme-composite', minLength: 100, maxLength: 300 }),
  fc.constantFrom('', 'é', '€', '😀', 'a'.repeat(127), 'a'.repeat(128), 'é'.repeat(64)),
);

/** Integers near the places where a varint grows, and where a double ends. */
export const uint64 = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.bigInt(0n, 300n),
  fc
    .tuple(fc.integer({ min: 1, max: 63 }), fc.bigInt(-1n, 1n))
    .map(([bits, offset]) => (1n << BigInt(bits)) + offset),
);

export const name = text.filter((value) => value !== '');

export const positive = uint64.filter((value) => value > 0n);

/** Microseconds, over all that a Timestamp can say. */
export const time = fc.oneof(
  fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n),
  fc.bigInt(0n, 4_000_000_000_000_000n),
  fc.constantFrom(0n, -1n, 1n, 999_999n, 1_000_000n, 9_007_199_254_740_991n, 9_007_199_254_740_992n),
);

export const stream = fc.record({ aggregateType: text, aggregateId: text });

export const metadata = fc
  .array(fc.tuple(text, text), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries.filter(([key]) => key !== '__proto__')));

const standing: fc.Arbitrary<Event> = fc.record({
  eventId: fc.oneof(fc.uuid(), text),
  stream,
  version: uint64,
  position: uint64,
  eventType: text,
  data: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 120, maxLength: 300 })),
  contentType: text,
  metadata,
  tags: fc.array(text, { maxLength: 5 }),
  schemaVersion: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  recordedAt: time,
});

/** Events, some of them erased. That these are empty is the store's business: the wire carries whatever they have. */
export const event: fc.Arbitrary<Event> = fc
  .tuple(standing, fc.boolean())
  .map(([given, erased]) => (erased ? { ...given, erased } : given));
