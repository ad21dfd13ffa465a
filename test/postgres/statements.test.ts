import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Filter, MetadataComparison, StreamPattern } from '../../src/core/filter.js';
import { countStatement } from '../../src/postgres/count-events.js';
import { behindPrefix, listStreamsStatement } from '../../src/postgres/list-streams.js';
import type { Place, VersionRange } from '../../src/postgres/place.js';
import { type EventsQuery, eventsStatement } from '../../src/postgres/select-events.js';
import { streamStatement } from '../../src/postgres/stream-beginning.js';

const SCHEMA = 'headwater';

/** What tries to leave its place in a statement, with a mark by which it would be found in the text. */
const MARK = 'zQ9';
const hostile = fc
  .tuple(
    fc.constantFrom("'", "';--", '$1', '$$', '"', '\\', "')) OR true --", '%', '{}', 'e.data', '/*', 'é😀'),
    fc.string({ unit: 'binary', maxLength: 10 }),
  )
  .map(([sharp, any]) => `${sharp}${MARK}${any}`);
const names = fc.array(hostile, { minLength: 1, maxLength: 4 });
// Numbers that occur in no statement by themselves.
const number = fc.bigInt({ min: 7_000_001n, max: 2n ** 63n - 1n });
const stream = fc.record({ aggregateType: hostile, aggregateId: hostile });
const versions: fc.Arbitrary<VersionRange> = fc.record({ stream, first: number, last: number });
const range = fc.record({ first: number, last: number }, { requiredKeys: [] });

const comparison: fc.Arbitrary<MetadataComparison> = fc.record({
  key: hostile,
  operator: fc.constantFrom('EQUAL', 'NOT_EQUAL', 'GREATER', 'IN', 'NOT_IN', 'MATCHES'),
  kind: fc.constantFrom('STRING', 'NUMBER'),
  values: names,
});
const pattern: fc.Arbitrary<StreamPattern> = fc.oneof(
  fc.record({ aggregateType: hostile, aggregateId: hostile }, { requiredKeys: [] }),
  fc.record({ aggregateType: hostile, aggregateIdPrefix: hostile }, { requiredKeys: [] }),
);
const filter: fc.Arbitrary<Filter> = fc.record(
  {
    eventTypes: names,
    tags: names,
    versions: range,
    positions: range,
    metadata: fc.array(comparison, { maxLength: 3 }),
    streams: fc.array(pattern, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const place: fc.Arbitrary<Place> = fc.oneof(
  fc.constant({ kind: 'LOG' } as const),
  fc.record({ kind: fc.constant('AGGREGATE_TYPES' as const), aggregateTypes: names }),
  fc.record({
    kind: fc.constant('VERSIONS' as const),
    ranges: fc.array(versions, { minLength: 1, maxLength: 5 }),
    within: fc.boolean(),
  }),
);
const query: fc.Arbitrary<EventsQuery> = fc.record({
  place,
  filters: fc.array(filter, { maxLength: 3 }),
  direction: fc.constantFrom('FORWARDS', 'BACKWARDS'),
  after: number,
  to: number,
  limit: fc.integer({ min: 7_000_001, max: 2 ** 31 - 1 }),
});

const howMany = (values: readonly unknown[] | undefined) => {
  const length = values?.length ?? 0;
  return length > 1 ? 'many' : length;
};
const bounds = (given: { first?: bigint; last?: bigint } | undefined) => [
  given?.first !== undefined,
  given?.last !== undefined,
];

const isWholeType = ({ aggregateType, aggregateId, aggregateIdPrefix }: StreamPattern) =>
  aggregateType !== undefined && aggregateId === undefined && aggregateIdPrefix === undefined;

/** All of a query on which its text may depend. */
function shape({ place: where, filters, direction }: EventsQuery): string {
  return JSON.stringify([
    where.kind,
    where.kind === 'AGGREGATE_TYPES' ? howMany(where.aggregateTypes) : undefined,
    where.kind === 'VERSIONS' ? [howMany(where.ranges), where.within] : undefined,
    direction,
    filters.map(({ eventTypes, tags, versions: v, positions, metadata = [], streams = [] }) => [
      howMany(eventTypes),
      howMany(tags),
      bounds(v),
      bounds(positions),
      metadata.filter(({ kind, operator }) => kind === 'STRING' && /^(EQUAL|IN)$/.test(operator)).length,
      [streams.some(isWholeType), streams.some((one) => !isWholeType(one))],
    ]),
  ]);
}

/** The same query with all its values replaced. */
function otherValues(given: EventsQuery): EventsQuery {
  return JSON.parse(
    JSON.stringify(given, (key, value: unknown) =>
      typeof value === 'bigint'
        ? { bigint: String(value / 2n) }
        : typeof value === 'string' && value.includes(MARK)
          ? `other ${value.length}`
          : key === 'limit'
            ? 5
            : value,
    ),
    (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'bigint' in value ? BigInt(String(value.bigint)) : value,
  ) as EventsQuery;
}

const streamSought = fc.record({
  stream,
  versions: range,
  direction: fc.constantFrom('FORWARDS', 'BACKWARDS'),
  limit: fc.option(number, { nil: undefined }),
  includeDeleted: fc.boolean(),
});

describe('the text of the statement that begins to read one stream', () => {
  it('tells the direction and whether what deletion hides is shown, and holds no value', () => {
    const texts = new Set<string>();
    fc.assert(
      fc.property(streamSought, (sought) => {
        const { text, values } = streamStatement(SCHEMA, sought);
        texts.add(text);
        expect(text).not.toContain(MARK);
        const used = new Set([...text.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place)));
        expect([...used].sort((a, b) => a - b)).toEqual(values.map((_, index) => index + 1));
      }),
    );
    expect(texts.size).toBe(4);
  });
});

describe('the text of a statement that reads events', () => {
  it('holds no value, whatever the values are', () => {
    fc.assert(
      fc.property(query, (given) => {
        for (const { text, values } of [eventsStatement(SCHEMA, given), countStatement(SCHEMA, given)]) {
          expect(text).not.toContain(MARK);
          // The one number of the statement itself makes microseconds of seconds.
          expect(text.replaceAll('1000000', '')).not.toMatch(/\d{7,}/);
          const used = new Set([...text.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place)));
          expect([...used].sort((a, b) => a - b)).toEqual(values.map((_, index) => index + 1));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for all values', () => {
    fc.assert(
      fc.property(query, (given) => {
        const other = otherValues(given);
        expect(eventsStatement(SCHEMA, other).text).toBe(eventsStatement(SCHEMA, given).text);
        expect(countStatement(SCHEMA, other).text).toBe(countStatement(SCHEMA, given).text);
      }),
      { numRuns: 500 },
    );
  });

  it('tells only which fields are set, so there are finitely many', () => {
    const texts = new Map<string, string>();
    fc.assert(
      fc.property(query, (given) => {
        const { text } = eventsStatement(SCHEMA, given);
        const known = texts.get(shape(given));
        if (known !== undefined) expect(text).toBe(known);
        texts.set(shape(given), text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the text of the statement that lists streams', () => {
  it('holds no value and tells only which fields are set', () => {
    const texts = new Map<string, string>();
    const request = fc.record(
      {
        aggregateType: hostile,
        aggregateIdPrefix: hostile,
        deleted: fc.constantFrom('EXCLUDE' as const, 'INCLUDE' as const, 'ONLY' as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(request, fc.option(fc.tuple(hostile, hostile), { nil: undefined }), (given, last) => {
        const { text } = listStreamsStatement(SCHEMA, given, last);
        expect(text).not.toContain(MARK);
        const { aggregateType, aggregateIdPrefix, deleted = 'EXCLUDE' } = given;
        const set = [aggregateType, aggregateIdPrefix, last].map((value) => value !== undefined);
        const key = JSON.stringify([set, deleted]);
        expect(texts.get(key) ?? text).toBe(text);
        texts.set(key, text);
      }),
      { numRuns: 500 },
    );
    expect(texts.size).toBeLessThanOrEqual(24);
  });
});

describe('what lies behind a prefix', () => {
  it.each([
    ['a', 'b'],
    ['az', 'a{'],
    ['\u{7f}', '\u{80}'],
    ['a\u{d7ff}', 'a\u{e000}'],
    ['a\u{ffff}', 'a\u{10000}'],
    ['a\u{10ffff}', 'b'],
    ['a\u{10ffff}\u{10ffff}', 'b'],
    ['\u{10ffff}', undefined],
    ['\u{10ffff}\u{10ffff}', undefined],
  ])('%j is %j', (prefix, end) => expect(behindPrefix(prefix)).toBe(end));

  it('is above all that begins so, and not above anything else that is above them', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(text, fc.string({ unit: 'binary', maxLength: 4 }), text, (prefix, rest, other) => {
        const end = behindPrefix(prefix);
        const below = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
        const within = (id: string) => !below(id, prefix) && (end === undefined || below(id, end));
        expect(within(prefix + rest)).toBe(true);
        expect(within(other)).toBe(other.startsWith(prefix));
      }),
      { numRuns: 1000 },
    );
  });
});
