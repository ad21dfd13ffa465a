import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Event, eventBytes } from '../../src/core/event.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../../src/core/limits.js';
import type { LoadPage, LoadRequest } from '../../src/core/load.js';
import type { StreamId } from '../../src/core/stream.js';
import type { Place } from '../../src/postgres/place.js';
import { type EventsQuery, eventsStatement } from '../../src/postgres/select-events.js';
import { streamWindows } from '../../src/postgres/stream-windows.js';
import { loaded, loadedPages, newEvent, seededRandom, thing, to } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

const STREAMS = ['long', 'sparse', 'dense'].map((name) => thing(name));
let test: TestStore;
let log: readonly Event[];

beforeAll(async () => {
  test = await openTestStore();
  const random = seededRandom(5);
  for (let round = 0; round < 12; round++) {
    const events = new Map<string, ReturnType<typeof newEvent>[]>();
    for (let index = 0; index < 700; index++) {
      const name = random() < 0.7 ? 'long' : random() < 0.1 ? 'sparse' : random() < 0.3 ? 'dense' : 'other';
      const number = round * 700 + index;
      const event = newEvent({
        json: number,
        eventType: number % 1500 === 7 ? 'Rare' : 'Happened',
        metadata: { number: String(number), parity: number % 2 ? 'odd' : 'even' },
        tags: [`n:${number % 50}`],
      });
      events.set(name, [...(events.get(name) ?? []), event]);
    }
    await test.store.append({
      streams: [...events].map(([name, some]) => to(thing(name), 'ANY', ...some)),
    });
  }
  log = await loaded(test.store);
});
afterAll(() => test.close());

const numbers = (pages: readonly LoadPage[]) =>
  pages.flatMap(({ events }) => events.map(({ position }) => Number(position)));
const right = (matches: (event: Event) => boolean) =>
  log.filter(matches).map(({ position }) => Number(position));
const number = ({ metadata }: Event) => Number(metadata['number']);

/** The pages of a load, which meet and begin and end where they should. */
async function pagesOf(request: LoadRequest): Promise<readonly LoadPage[]> {
  const pages = await loadedPages(test.store, request);
  const forwards = request.direction !== 'BACKWARDS';
  pages.slice(1).forEach((page, index) => {
    const before = pages[index];
    if (forwards) expect(page.scannedAfter).toBe(before?.scannedTo);
    else expect(page.scannedTo).toBe(before?.scannedAfter);
  });
  for (const { events } of pages) expect(events.length).toBeLessThanOrEqual(PAGE_EVENTS);
  return pages;
}

describe('a comparison that the database cannot decide', () => {
  it('is decided page by page: a page may be empty, and tells how far it came', async () => {
    const none = { key: 'number', kind: 'NUMBER', operator: 'GREATER', values: ['99999'] } as const;
    const pages = await pagesOf({ filters: [{ metadata: [none] }] });
    expect(numbers(pages)).toEqual([]);
    expect(pages.length).toBeGreaterThanOrEqual(Math.floor(log.length / PAGE_EVENTS));
    expect(pages.at(-1)?.scannedTo).toBe(log.at(-1)?.position);
  });

  it.each(['FORWARDS', 'BACKWARDS'] as const)('counts the limit by what matches, %s', async (direction) => {
    const some = { key: 'number', operator: 'MATCHES', values: ['^[0-9]*7$'] } as const;
    const found = await pagesOf({ filters: [{ metadata: [some] }], limit: 300n, direction });
    const all = right((event) => number(event) % 10 === 7);
    const wanted = direction === 'FORWARDS' ? all.slice(0, 300) : all.reverse().slice(0, 300);
    expect(numbers(found)).toEqual(wanted);
    const last = found.at(-1);
    expect(Number(direction === 'FORWARDS' ? last?.scannedTo : (last?.scannedAfter ?? 0n) + 1n)).toBe(
      wanted.at(-1),
    );
  });

  it('is joined with what the database decides, in each filter of several', async () => {
    const filters = [
      {
        eventTypes: ['Rare'],
        metadata: [{ key: 'number', kind: 'NUMBER', operator: 'LESS', values: ['5000.5'] }],
      },
      { tags: ['n:3'], metadata: [{ key: 'parity', operator: 'EQUAL', values: ['odd'] }] },
    ] as const;
    const wanted = right(
      (event) => (event.eventType === 'Rare' && number(event) < 5000.5) || event.tags.includes('n:3'),
    );
    expect(wanted.length).toBeGreaterThan(100);
    expect(numbers(await pagesOf({ filters }))).toEqual(wanted);
    expect(numbers(await pagesOf({ filters, direction: 'BACKWARDS' }))).toEqual([...wanted].reverse());
    expect((await test.store.countEvents({ filters })).count).toBe(BigInt(wanted.length));
  });
});

describe('several streams', () => {
  const names = new Set(STREAMS.map(({ aggregateId }) => aggregateId));
  const ofThese = (event: Event) => names.has(event.stream.aggregateId);

  it.each(['FORWARDS', 'BACKWARDS'] as const)(
    'a long, a dense and a sparse one are merged, %s',
    async (direction) => {
      const scope = { kind: 'STREAMS', streams: STREAMS } as const;
      const wanted = right(ofThese);
      if (direction === 'BACKWARDS') wanted.reverse();
      expect(numbers(await pagesOf({ scope, direction }))).toEqual(wanted);
      const rare = right((event) => ofThese(event) && event.eventType === 'Rare');
      if (direction === 'BACKWARDS') rare.reverse();
      expect(numbers(await pagesOf({ scope, direction, filters: [{ eventTypes: ['Rare'] }] }))).toEqual(rare);
      const some = {
        scope,
        direction,
        filters: [{ positions: { first: 2000n, last: 5000n } }],
        limit: 1234n,
      };
      const between = wanted.filter((position) => position >= 2000 && position <= 5000).slice(0, 1234);
      expect(numbers(await pagesOf(some))).toEqual(between);
    },
  );

  it('of large events are merged in pages of limited bytes', async () => {
    const streams = Array.from({ length: 5 }, (_, index) => thing(`large-${index}`));
    for (let round = 0; round < 8; round++)
      await test.store.append({
        streams: streams.map((stream) => to(stream, 'ANY', newEvent({ data: Buffer.alloc(200_000, round) }))),
      });
    const pages = await pagesOf({ scope: { kind: 'STREAMS', streams } });
    expect(numbers(pages)).toHaveLength(40);
    expect(pages.length).toBeGreaterThan(3);
    for (const { events } of pages)
      expect(events.reduce((sum, event) => sum + eventBytes(event), 0)).toBeLessThanOrEqual(PAGE_BYTES);
  });

  it('a hundred are read in one go when they are short', async () => {
    const streams = Array.from({ length: 100 }, (_, index) => thing(`hundred-${index}`));
    for (let round = 0; round < 3; round++)
      await test.store.append({ streams: streams.map((stream) => to(stream, 'ANY', newEvent())) });
    expect(await pagesOf({ scope: { kind: 'STREAMS', streams } })).toMatchObject([
      { events: { length: 300 } },
    ]);
    expect(await pagesOf({ scope: { kind: 'STREAMS', streams: streams.slice(0, 1) } })).toHaveLength(1);
  });
});

describe('the windows of several streams', () => {
  it('hold at most so many versions of each, and all that lie in the positions they tell', async () => {
    const random = seededRandom(3);
    const byStream = STREAMS.map(({ aggregateId }) =>
      log.filter(({ stream }) => stream.aggregateId === aggregateId),
    );
    const below = (most: number) => BigInt(Math.floor(random() * most));
    for (let round = 0; round < 150; round++) {
      const after = below(log.length);
      const until = after + 1n + below(log.length - Number(after));
      const most = 1n + below(round % 2 ? 20 : 3000);
      const direction = random() < 0.5 ? 'FORWARDS' : 'BACKWARDS';
      const ranges = STREAMS.map((stream, index) => {
        const first = 1n + below(round % 3 ? 1 : 500);
        return { stream, first, last: BigInt(byStream[index]?.length ?? 0) };
      });
      const found = await streamWindows(test.database, test.schema, {
        ranges,
        after,
        to: until,
        most,
        direction,
      });
      const { after: from, to: end } = found;
      expect(direction === 'FORWARDS' ? from : end).toBe(direction === 'FORWARDS' ? after : until);
      expect(end - from).toBeGreaterThan(0n);
      found.ranges.forEach(({ first, last }, index) => {
        const within = (byStream[index] ?? []).filter(
          ({ position, version }) =>
            position > from && position <= end && version >= (ranges[index]?.first ?? 0n),
        );
        expect(last - first + 1n).toBe(BigInt(within.length));
        expect(last - first).toBeLessThan(most);
        if (within.length > 0) expect([first, last]).toEqual([within[0]?.version, within.at(-1)?.version]);
      });
      // It stops short only where some stream has given its most.
      if (direction === 'FORWARDS' ? end < until : from > after)
        expect(found.ranges.some(({ first, last }) => last - first + 1n === most)).toBe(true);
    }
  });
});

describe('the plan of a read', () => {
  const planOf = async (place: Place, query: Partial<EventsQuery> = {}) => {
    const { text, values } = eventsStatement(test.schema, {
      place,
      filters: [],
      direction: 'FORWARDS',
      after: 0n,
      to: BigInt(log.length),
      limit: 1000,
      ...query,
    });
    const rows = await test.database.query('read', `EXPLAIN (COSTS OFF) ${text}`, values);
    return rows.flat().join('\n');
  };
  const range = (stream: StreamId) => ({ stream, first: 1n, last: 100n });

  // Without statistics, as of a young table, and with them.
  describe.each([false, true])('with statistics: %s', (analyzed) => {
    beforeAll(async () => {
      if (analyzed) await test.database.query('append', `ANALYZE "${test.schema}".events`, []);
    });

    it.each(['FORWARDS', 'BACKWARDS'] as const)(
      'walks the positions of the whole log, %s',
      async (direction) => {
        const plan = await planOf({ kind: 'LOG' }, { direction, after: 100n });
        expect(plan).toMatch(/Index Scan (Backward )?using events_pkey/);
        expect(plan).not.toContain('Sort');
      },
    );

    it.each(['FORWARDS', 'BACKWARDS'] as const)('walks the versions of one stream, %s', async (direction) => {
      const ranges = [range(thing('long'))];
      for (const within of [true, false]) {
        const plan = await planOf({ kind: 'VERSIONS', ranges, within }, { direction });
        expect(plan).toMatch(/Index Scan (Backward )?using events_stream_version_key/);
        expect(plan).not.toContain('Sort');
      }
    });

    it('looks into each of several streams', async () => {
      const ranges = STREAMS.map(range);
      for (const filters of [[], [{ eventTypes: ['Rare'] }], [{ tags: ['n:3'] }]]) {
        const plan = await planOf({ kind: 'VERSIONS', ranges, within: true }, { filters });
        expect(plan).toContain('Index Scan using events_stream_version_key');
        expect(plan).not.toContain('events_pkey');
      }
    });

    it('finds a tag by its index', async () => {
      expect(await planOf({ kind: 'LOG' }, { filters: [{ tags: ['n:3'] }] })).toContain('event_tags_pkey');
    });
  });
});
