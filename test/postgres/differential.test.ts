import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import type { Filter, MetadataComparison, Scope } from '../../src/core/filter.js';
import type { LoadRequest } from '../../src/core/load.js';
import { matcher } from '../../src/core/matcher.js';
import type { StreamId } from '../../src/core/stream.js';
import { validateComparison } from '../../src/core/validate-comparison.js';
import { validateLoad } from '../../src/core/validate-read.js';
import { Violations } from '../../src/core/validate.js';
import { loaded, newEvent, seededRandom, thing, to } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

/** Words that a query language might take for its own; of all of them only their bytes may count. */
const HOSTILE = [
  "'; DROP TABLE events; --",
  "' OR '1'='1",
  '$1',
  '%',
  '_',
  '{"a":1}',
  '\\',
  '"',
  '__proto__',
  'constructor',
  'data',
  'é😀',
  'ﬀ',
  '\u{ffff}',
];
const KEYS = ['actor', 'amount', 'flag', ...HOSTILE];
const VALUES = [
  'ada',
  'Ada',
  'adä',
  '',
  '0',
  '1',
  '1.0',
  '1e0',
  '-0',
  '10',
  '9',
  '123456789012345678901',
  'true',
];
VALUES.push('false', 'null', 'NaN', ...HOSTILE);
const TYPES = ['Opened', 'Closed', HOSTILE[0] ?? '', HOSTILE[13] ?? ''];
const TAGS = ['a:1', 'a:2', 'b:1', ...HOSTILE.slice(0, 6)];
const STREAMS: readonly StreamId[] = [
  thing('long'),
  thing('middle'),
  ...Array.from({ length: 6 }, (_, index) => thing(`short-${index}`)),
  ...HOSTILE.slice(0, 4).map((name) => ({ aggregateType: 'Other', aggregateId: name })),
  { aggregateType: HOSTILE[1] ?? '', aggregateId: HOSTILE[1] ?? '' },
];

let test: TestStore;
let log: readonly Event[];
/** By its key: the lowest version that is shown, with what was before a new creation and without. */
const firstShown = new Map<string, { deleted: boolean; all: bigint; shown: bigint }>();
const keyOf = ({ aggregateType, aggregateId }: StreamId) => JSON.stringify([aggregateType, aggregateId]);

beforeAll(async () => {
  test = await openTestStore();
  const { store } = test;
  const random = seededRandom(11);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const some = <T>(from: readonly T[], most: number) =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(from));
  for (let round = 0; round < 9; round++) {
    const streams = new Map<StreamId, ReturnType<typeof newEvent>[]>();
    for (let index = 0; index < 600; index++) {
      const stream = random() < 0.6 ? STREAMS[0] : random() < 0.5 ? STREAMS[1] : pick(STREAMS);
      if (stream === undefined) continue;
      const metadata = Object.fromEntries(some(KEYS, 5).map((key) => [key, pick(VALUES)]));
      const event = newEvent({ eventType: pick(TYPES), tags: [...new Set(some(TAGS, 4))], metadata });
      streams.set(stream, [...(streams.get(stream) ?? []), event]);
    }
    await store.append({ streams: [...streams].map(([stream, events]) => to(stream, 'ANY', ...events)) });
  }
  const change = (aggregateId: string) => ({ stream: thing(aggregateId), expectedVersion: 'ANY' as const });
  await store.truncateStream({ ...change('middle'), beforeVersion: 40n });
  await store.eraseEvents({ ...change('long'), versions: [{ first: 100n, last: 260n }] });
  await store.deleteStream(change('short-0'));
  await store.deleteStream(change('short-1'));
  await store.append({
    streams: [to(thing('short-1'), 'NO_STREAM', newEvent(), newEvent({ tags: ['a:1'] }))],
  });
  await store.setRetention({ ...change('short-2'), retention: { maxCount: 7n } });
  await store.eraseStream(change('short-3'));
  // What was truncated is emptied before the log is read, which shows it until then.
  for (let left = 1; left > 0; ) {
    const [row] = await test.database.query(
      'read',
      `SELECT count(*) FROM "${test.schema}".streams s JOIN "${test.schema}".events e USING (aggregate_type, aggregate_id)
        WHERE e.removed IS NULL AND (e.version < s.truncated_before
           OR (s.max_count IS NOT NULL AND e.version < "${test.schema}".first_kept(s.aggregate_type, s.aggregate_id,
                 s.version, s.truncated_before, s.max_count, s.max_age, s.system_versions, now())))`,
      [],
    );
    left = Number(row?.[0]);
  }
  log = await loaded(store);
  for (const stream of STREAMS) {
    const info = await store.getStream(stream);
    const [row] = await test.database.query(
      'read',
      `SELECT truncated_before FROM "${test.schema}".streams WHERE aggregate_type = $1 AND aggregate_id = $2`,
      [stream.aggregateType, stream.aggregateId],
    );
    const all = info.stream.aggregateId === 'short-2' ? info.firstVersion : BigInt(row?.[0] ?? 1);
    firstShown.set(keyOf(stream), { deleted: info.deletedAt !== undefined, all, shown: info.firstVersion });
  }
});
afterAll(() => test.close());

const OPERATORS = ['EQUAL', 'NOT_EQUAL', 'GREATER', 'GREATER_OR_EQUAL', 'LESS', 'LESS_OR_EQUAL'] as const;

const comparison: fc.Arbitrary<MetadataComparison> = fc
  .record({
    key: fc.constantFrom(...KEYS),
    operator: fc.constantFrom(...OPERATORS, 'IN', 'IN', 'NOT_IN', 'MATCHES'),
    kind: fc.constantFrom('STRING', 'NUMBER', 'BOOLEAN'),
    values: fc.array(fc.constantFrom(...VALUES), { minLength: 1, maxLength: 3 }),
  })
  .map(({ values, ...rest }) => ({
    ...rest,
    values: rest.operator === 'IN' || rest.operator === 'NOT_IN' ? values : values.slice(0, 1),
  }))
  .filter((one) => {
    const violations = new Violations();
    validateComparison(one, 'metadata', violations);
    return violations.none;
  });

const number = (max: number) => fc.integer({ min: 1, max }).map(BigInt);
const range = (max: number) =>
  fc
    .record({ first: number(max), last: number(max) }, { requiredKeys: [] })
    .filter(({ first, last }) => first === undefined || last === undefined || first <= last);

/** A time range says by positions which events' times bound it; see `withTimes`. */
const filter: fc.Arbitrary<Filter> = fc.record(
  {
    eventTypes: fc.uniqueArray(fc.constantFrom(...TYPES, '$events-erased'), { maxLength: 3 }),
    tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
    versions: range(3000),
    positions: range(6000),
    recorded: range(6000),
    metadata: fc.array(comparison, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

const scope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant({ kind: 'LOG' } as const),
  fc.record({ kind: fc.constant('STREAM' as const), stream: fc.constantFrom(...STREAMS) }),
  fc.record({
    kind: fc.constant('STREAMS' as const),
    streams: fc.uniqueArray(fc.constantFrom(...STREAMS, thing('missing')), { minLength: 1, selector: keyOf }),
  }),
  fc.record({
    kind: fc.constant('AGGREGATE_TYPES' as const),
    aggregateTypes: fc.uniqueArray(fc.constantFrom('Thing', 'Other', HOSTILE[1] ?? '', 'None'), {
      minLength: 1,
    }),
  }),
);

const request: fc.Arbitrary<LoadRequest> = fc.record(
  {
    scope,
    filters: fc.array(filter, { maxLength: 3 }),
    direction: fc.constantFrom('FORWARDS', 'BACKWARDS'),
    limit: fc.oneof(number(20), number(3000)),
    includeDeleted: fc.boolean(),
  },
  { requiredKeys: ['scope'] },
);

const timeAt = (position: bigint) => log[Math.min(Number(position), log.length) - 1]?.recordedAt ?? 0n;

/** The request with positions in its time ranges turned into the times of the events there. */
function withTimes<T extends { readonly filters?: readonly Filter[] }>(given: T): T {
  if (given.filters === undefined) return given;
  return {
    ...given,
    filters: given.filters.map(({ recorded, ...rest }) =>
      recorded === undefined
        ? rest
        : {
            ...rest,
            recorded: {
              ...(recorded.first === undefined ? {} : { first: timeAt(recorded.first) }),
              ...(recorded.last === undefined ? {} : { last: timeAt(recorded.last) }),
            },
          },
    ),
  };
}

/** What the matcher says of every event of the log; `undefined` if the read is refused. */
function expected(given: LoadRequest): readonly Event[] | undefined {
  const { scope: where = { kind: 'LOG' }, includeDeleted = false } = given;
  if (where.kind === 'STREAM' && !includeDeleted && firstShown.get(keyOf(where.stream))?.deleted)
    return undefined;
  const matches = matcher(where, given.filters);
  const ofStreams = where.kind === 'STREAM' || where.kind === 'STREAMS';
  const found = log.filter((event) => {
    if (!matches(event)) return false;
    const stream = firstShown.get(keyOf(event.stream));
    if (!ofStreams || stream === undefined) return true;
    return includeDeleted ? event.version >= stream.all : !stream.deleted && event.version >= stream.shown;
  });
  const ordered = given.direction === 'BACKWARDS' ? found.reverse() : found;
  return given.limit === undefined ? ordered : ordered.slice(0, Number(given.limit));
}

const positions = (events: readonly Event[]) => events.map(({ position }) => Number(position));

describe('what Postgres finds', () => {
  it('is what the matcher says of every event of the log, and it is counted so', async () => {
    const seen = { found: 0, several: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(request, async (wanted) => {
        const given = withTimes(wanted);
        validateLoad(given);
        const right = expected(given);
        if (right === undefined) {
          seen.refused += 1;
          await expect(loaded(test.store, given)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
          await expect(test.store.countEvents(given)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
          return;
        }
        const events: Event[] = [];
        let pages = 0;
        let end: bigint | undefined;
        for await (const page of test.store.load(given)) {
          const forwards = given.direction !== 'BACKWARDS';
          if (end !== undefined) expect(forwards ? page.scannedAfter : page.scannedTo).toBe(end);
          end = forwards ? page.scannedTo : page.scannedAfter;
          for (const { position } of page.events)
            expect(position > page.scannedAfter && position <= page.scannedTo).toBe(true);
          events.push(...page.events);
          pages += 1;
        }
        expect(positions(events)).toEqual(positions(right));
        seen.found += right.length > 0 ? 1 : 0;
        seen.several += pages > 1 ? 1 : 0;
        const { limit: _, ...unlimited } = given;
        const all = expected(unlimited);
        expect((await test.store.countEvents(given)).count).toBe(BigInt(all?.length ?? 0));
      }),
      { numRuns: 400 },
    );
    // The values are so few that the answers are not all empty.
    expect(seen.found).toBeGreaterThan(100);
    expect(seen.several).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(0);
  }, 120_000);

  it('is for a follower what the matcher says, from anywhere, whatever is deleted', async () => {
    await fc.assert(
      fc.asyncProperty(
        scope,
        fc.array(filter, { maxLength: 2 }),
        number(6000),
        async (where, some, after) => {
          const { filters } = withTimes({ filters: some });
          const matches = matcher(where, filters);
          const right = log.filter((event) => event.position > after && matches(event));
          const events: Event[] = [];
          for await (const page of test.store.log.scan({ scope: where, filters }, after))
            events.push(...page.events);
          expect(positions(events)).toEqual(positions(right));
        },
      ),
      { numRuns: 200 },
    );
  }, 120_000);
});

describe('an event as Postgres gives it', () => {
  it('is the same by every way', async () => {
    const byStream = (
      await Promise.all(
        STREAMS.map((stream) =>
          loaded(test.store, { scope: { kind: 'STREAM', stream }, includeDeleted: true }),
        ),
      )
    ).flat();
    const merged = await loaded(test.store, {
      scope: { kind: 'STREAMS', streams: STREAMS },
      includeDeleted: true,
    });
    const byPosition = new Map(log.map((event) => [event.position, event]));
    expect(merged).toHaveLength(byStream.length);
    for (const event of [...byStream, ...merged]) expect(event).toEqual(byPosition.get(event.position));
  });

  it('that was erased is a shell, and one that was truncated is not there', () => {
    const erased = log.filter((event) => event.erased);
    expect(erased.length).toBeGreaterThan(161);
    for (const event of erased)
      expect(event).toMatchObject({ contentType: '', metadata: {}, tags: [], data: Buffer.alloc(0) });
    const middle = log.filter(({ stream }) => stream.aggregateId === 'middle');
    expect(middle[0]?.version).toBe(40n);
  });
});
