import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Event, eventsBytes } from '../../src/core/event.js';
import { WHOLE_LOG } from '../../src/core/filter.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../../src/core/limits.js';
import type { LoadPage, LoadRequest } from '../../src/core/load.js';
import type { Queries } from '../../src/postgres/database.js';
import { Hints } from '../../src/postgres/hints.js';
import { oneAhead } from '../../src/postgres/one-ahead.js';
import { PostgresLog } from '../../src/postgres/postgres-log.js';
import { systemRuntime as runtime } from '../../src/system.js';
import { newEvent, thing, to } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

/** Sizes of data in the order of the log: statements of four pages, of one, and by the sum of bytes all have their turn. */
const SIZES = [
  ...Array.from({ length: 3000 }, () => 20),
  // So many of these are more than a page's bytes, which shows while the statement runs.
  ...Array.from({ length: 2500 }, () => 1800),
  ...Array.from({ length: 1500 }, (_, index) => (index % 400 === 7 ? 700_000 : 30)),
  1_000_000,
  1_000_000,
  ...Array.from({ length: 4500 }, () => 20),
  2500,
];

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
  for (let at = 0; at < SIZES.length; ) {
    const events = [];
    for (let bytes = 0; at < SIZES.length && events.length < 500 && bytes < 2_000_000; at++) {
      const size = SIZES[at] ?? 0;
      events.push(newEvent({ data: Buffer.alloc(size, at % 251), eventType: at % 2 ? 'Odd' : 'Even' }));
      bytes += size;
    }
    await test.store.append({ streams: [to(thing(`stream-${at % 3}`), 'ANY', ...events)] });
  }
});
afterAll(() => test.close());

async function pagesOf(request: LoadRequest): Promise<readonly LoadPage[]> {
  const pages: LoadPage[] = [];
  for await (const page of test.store.load(request)) pages.push(page);
  return pages;
}

const number = ({ position }: Event) => Number(position) - 1;

describe('pages of events small and large', () => {
  it.each(['FORWARDS', 'BACKWARDS'] as const)(
    'have all of them, in order and within their bounds, %s',
    async (direction) => {
      const forwards = direction === 'FORWARDS';
      for (const filters of [[], [{ eventTypes: ['Odd'] }]]) {
        const pages = await pagesOf({ direction, filters });
        const events = pages.flatMap((page) => page.events);
        const expected = SIZES.map((_, index) => index).filter(
          (index) => filters.length === 0 || index % 2 === 1,
        );
        expect(events.map(number)).toEqual(forwards ? expected : expected.reverse());
        expect(events.every((event) => event.data.byteLength === SIZES[number(event)])).toBe(true);
        for (const [index, page] of pages.entries()) {
          expect(page.events.length).toBeLessThanOrEqual(PAGE_EVENTS);
          if (page.events.length > 1) expect(eventsBytes(page.events)).toBeLessThanOrEqual(PAGE_BYTES * 1.2);
          const before = pages[index - 1];
          if (before === undefined) continue;
          if (forwards) expect(page.scannedAfter).toBe(before.scannedTo);
          else expect(page.scannedTo).toBe(before.scannedAfter);
        }
        const [first, last] = [pages[0], pages.at(-1)];
        expect(forwards ? first?.scannedAfter : last?.scannedAfter).toBe(0n);
        expect(forwards ? last?.scannedTo : first?.scannedTo).toBe(BigInt(SIZES.length));
      }
    },
  );

  it('are those of one stream, and as many as are wanted', async () => {
    const scope = { kind: 'STREAM', stream: thing('stream-0') } as const;
    const all = (await pagesOf({ scope })).flatMap(({ events }) => events);
    expect(all.map(({ version }) => Number(version))).toEqual(all.map((_, index) => index + 1));
    for (const limit of [1, 999, 1000, 1001, 3500, 6000]) {
      const some = (await pagesOf({ limit: BigInt(limit) })).flatMap(({ events }) => events);
      expect(some.map(number)).toEqual(SIZES.map((_, index) => index).slice(0, limit));
    }
  });

  it('are those of a part of one stream, from either end', async () => {
    const scope = { kind: 'STREAM', stream: thing('stream-1') } as const;
    const all = (await pagesOf({ scope })).flatMap(({ events }) => events.map(({ version }) => version));
    expect(all.length).toBeGreaterThan(3000);
    const end = BigInt(all.length);
    for (const versions of [
      { first: 2n },
      { last: 1000n },
      { first: 999n, last: 2002n },
      { first: end + 1n },
    ])
      for (const limit of [undefined, 1, 1000, 1001])
        for (const direction of ['FORWARDS', 'BACKWARDS'] as const) {
          const pages = await pagesOf({
            scope,
            filters: [{ versions }],
            direction,
            ...(limit === undefined ? {} : { limit: BigInt(limit) }),
          });
          const within = all.filter(
            (version) => version >= (versions.first ?? 1n) && version <= (versions.last ?? end),
          );
          const expected = (direction === 'FORWARDS' ? within : within.toReversed()).slice(0, limit);
          expect(pages.flatMap(({ events }) => events.map(({ version }) => version))).toEqual(expected);
          const [first, last] = direction === 'FORWARDS' ? [0, -1] : [-1, 0];
          // Cut off by the limit, it says how far it came.
          if (expected.length < (limit ?? Number.POSITIVE_INFINITY))
            expect([pages.at(first)?.scannedAfter, pages.at(last)?.scannedTo]).toEqual([
              0n,
              BigInt(SIZES.length),
            ]);
        }
  });

  it('are those behind a position, up to the head', async () => {
    const end = BigInt(SIZES.length);
    for (const after of [0n, 1n, 999n, end - 1001n, end - 1000n, end - 999n, end - 1n, end]) {
      const numbers: number[] = [];
      let scanned = after;
      for await (const page of test.store.log.scan({ scope: WHOLE_LOG, filters: [] }, after)) {
        expect(page.scannedAfter).toBe(scanned);
        scanned = page.scannedTo;
        numbers.push(...page.events.map(number));
      }
      expect(scanned).toBe(end);
      expect(numbers).toEqual(SIZES.map((_, index) => index).slice(Number(after)));
    }
  });

  it('take one statement with the head, where few small events follow', async () => {
    const { database, schema } = test;
    let statements = 0;
    const counted: Queries = {
      query: (...statement) => {
        statements += 1;
        return database.query(...statement);
      },
      queryBinary: (...statement) => {
        statements += 1;
        return database.queryBinary(...statement);
      },
      get life() {
        return database.life;
      },
    };
    const log = new PostgresLog(
      { database: counted, schema, runtime },
      new Hints({ database, schema, runtime }),
    );
    await test.store.append({ streams: [to(thing('small'), 'ANY', newEvent())] });
    const pages: LoadPage[] = [];
    for await (const page of log.scan({ scope: WHOLE_LOG, filters: [] }, BigInt(SIZES.length)))
      pages.push(page);
    expect(pages).toMatchObject([{ events: [{}], scannedTo: BigInt(SIZES.length + 1), epoch: 1n }]);
    expect(statements).toBe(1);
  });

  it('may be left in the middle of a statement, or given up', async () => {
    for (let pages = 1; pages < 8; pages++) {
      const stop = new AbortController();
      let seen = 0;
      const reading = (async () => {
        for await (const page of test.store.load({}, { signal: stop.signal })) {
          expect(page.scannedTo).toBeGreaterThan(0n);
          seen += 1;
          if (seen < pages) continue;
          if (pages % 2) break;
          stop.abort(new Error('enough'));
        }
      })();
      if (pages % 2) await reading;
      else await expect(reading).rejects.toThrow('enough');
      expect(seen).toBe(pages);
    }
    // All connections are back: there are fewer than were left.
    await Promise.all(Array.from({ length: 16 }, () => pagesOf({ limit: 10n })));
  });
});

describe('one item ahead', () => {
  async function* counting(
    made: number[],
    most: number,
    fail?: number,
  ): AsyncGenerator<number, void, undefined> {
    for (let item = 1; item <= most; item++) {
      if (item === fail) throw new Error(`no ${item}`);
      made.push(item);
      yield item;
    }
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('makes one more than the reader has, but for the first', async () => {
    const made: number[] = [];
    const items = oneAhead(counting(made, 9));
    for (const [taken, expected] of [
      [1, 1],
      [2, 3],
      [3, 4],
    ] as const) {
      expect(await items.next()).toEqual({ done: false, value: taken });
      await settled();
      expect(made).toHaveLength(expected);
    }
    await items.return();
    await settled();
    expect(made).toHaveLength(4);
  });

  it('gives what there is, and fails where it fails', async () => {
    const all: number[] = [];
    for await (const item of oneAhead(counting([], 4))) all.push(item);
    expect(all).toEqual([1, 2, 3, 4]);
    const before: number[] = [];
    const reading = (async () => {
      for await (const item of oneAhead(counting([], 4, 4))) before.push(item);
    })();
    await expect(reading).rejects.toThrow('no 4');
    expect(before).toEqual([1, 2, 3]);
    for await (const item of oneAhead(counting([], 0))) expect(item).toBeUndefined();
  });

  it('gives none after an abort, though it is made', async () => {
    const stop = new AbortController();
    const made: number[] = [];
    const items = oneAhead(counting(made, 9), stop.signal);
    await items.next();
    await items.next();
    await settled();
    expect(made).toEqual([1, 2, 3]);
    stop.abort(new Error('enough'));
    await expect(items.next()).rejects.toThrow('enough');
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });
});
