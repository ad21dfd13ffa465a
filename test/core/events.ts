import fc from 'fast-check';
import type { Event } from '../../src/core/event.js';
import type { Filter, Range } from '../../src/core/filter.js';

/** An event of the stream `Account a`, version 1, position 1, unless told otherwise. */
export function storedEvent(fields: Partial<Event> = {}): Event {
  return {
    eventId: '0190a000-0000-7000-8000-000000000001',
    stream: { aggregateType: 'Account', aggregateId: 'a' },
    version: 1n,
    position: 1n,
    eventType: 'Opened',
    data: new Uint8Array(),
    contentType: 'application/json',
    metadata: {},
    tags: [],
    schemaVersion: 1,
    recordedAt: 1_000_000n,
    ...fields,
  };
}

const small = fc.bigInt({ min: 1n, max: 20n });

const range: fc.Arbitrary<Range<bigint>> = fc
  .record({ first: small, last: small }, { requiredKeys: [] })
  .filter(({ first, last }) => first === undefined || last === undefined || first <= last);

/** Filters over few values, so that they often match. */
export const someFilter: fc.Arbitrary<Filter> = fc.record(
  {
    eventTypes: fc.subarray(['Opened', 'Closed']),
    tags: fc.subarray(['a:1', 'b:2']),
    versions: range,
    positions: range,
    recorded: range,
  },
  { requiredKeys: [] },
);

/** Events over the same values. */
export const someEvent: fc.Arbitrary<Event> = fc
  .record({
    eventType: fc.constantFrom('Opened', 'Closed'),
    tags: fc.subarray(['a:1', 'b:2']),
    version: small,
    position: small,
    recordedAt: small,
  })
  .map(storedEvent);
