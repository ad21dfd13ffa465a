import type { EventStore } from '../core/event-store.js';
import { eventBytes } from '../core/event.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import { appendTo, jsonOf, loaded, loadedPages, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Rows B1, B3, B6 and B7: scopes, ranges, order, limit, pages. */
export function loadContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  /** Six events over three streams: positions 1 to 6 hold the data 1 to 6. */
  const six = async (store: EventStore) => {
    await store.append({
      streams: [
        to(thing('a'), 'NO_STREAM', newEvent({ json: 1 }), newEvent({ json: 2 })),
        to(thing('b'), 'NO_STREAM', newEvent({ json: 3 })),
      ],
    });
    await store.append(appendTo(thing('c', 'Other'), newEvent({ json: 4 })));
    await store.append(appendTo(thing('a'), newEvent({ json: 5 })));
    await store.append(appendTo(thing('b'), newEvent({ json: 6 })));
  };
  const found = async (store: EventStore, request: LoadRequest) => (await loaded(store, request)).map(jsonOf);

  describe('load', () => {
    const a = thing('a');
    const cases: readonly [string, LoadRequest, number[]][] = [
      ['the whole log', {}, [1, 2, 3, 4, 5, 6]],
      ['the whole log backwards', { direction: 'BACKWARDS' }, [6, 5, 4, 3, 2, 1]],
      ['one stream', { scope: { kind: 'STREAM', stream: a } }, [1, 2, 5]],
      ['one stream backwards', { scope: { kind: 'STREAM', stream: a }, direction: 'BACKWARDS' }, [5, 2, 1]],
      ['one stream of another type', { scope: { kind: 'STREAM', stream: thing('c', 'Other') } }, [4]],
      [
        'several streams in log order',
        { scope: { kind: 'STREAMS', streams: [thing('b'), a] } },
        [1, 2, 3, 5, 6],
      ],
      [
        'several streams, some missing',
        { scope: { kind: 'STREAMS', streams: [thing('no'), thing('b')] } },
        [3, 6],
      ],
      ['one aggregate type', { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Other'] } }, [4]],
      [
        'several aggregate types',
        { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Other', 'Thing'] } },
        [1, 2, 3, 4, 5, 6],
      ],
      ['a type that has no events', { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['None'] } }, []],
      ['from a position', { filters: [{ positions: { first: 4n } }] }, [4, 5, 6]],
      ['up to a position', { filters: [{ positions: { last: 2n } }] }, [1, 2]],
      ['between positions', { filters: [{ positions: { first: 2n, last: 4n } }] }, [2, 3, 4]],
      ['positions beyond the head', { filters: [{ positions: { first: 100n } }] }, []],
      [
        'positions beyond what a number holds',
        { filters: [{ positions: { first: 2n ** 53n + 1n, last: 2n ** 63n - 1n } }] },
        [],
      ],
      [
        'between versions of a stream',
        { scope: { kind: 'STREAM', stream: a }, filters: [{ versions: { first: 2n, last: 2n } }] },
        [2],
      ],
      ['the first versions of all streams', { filters: [{ versions: { last: 1n } }] }, [1, 3, 4]],
      ['with a limit', { limit: 2n }, [1, 2]],
      ['the newest with a limit', { limit: 2n, direction: 'BACKWARDS' }, [6, 5]],
      [
        'one stream with a limit',
        { scope: { kind: 'STREAM', stream: a }, limit: 1n, direction: 'BACKWARDS' },
        [5],
      ],
      ['with a limit above what there is', { limit: 100n }, [1, 2, 3, 4, 5, 6]],
    ];
    for (const [what, request, expected] of cases)
      it(
        what,
        withStore(async (store) => {
          await six(store);
          expect(await found(store, request)).toEqual(expected);
        }),
      );

    it(
      'an empty log: one empty page',
      withStore(async (store) => {
        expect(await loadedPages(store)).toEqual([
          { events: [], scannedAfter: 0n, scannedTo: 0n, epoch: 1n },
        ]);
      }),
    );

    it(
      'a stream that never was: it is not found, where types and filters find nothing',
      withStore(async (store) => {
        await six(store);
        await expect(
          loaded(store, { scope: { kind: 'STREAM', stream: thing('never') } }),
        ).rejects.toMatchObject({
          reason: 'STREAM_NOT_FOUND',
          stream: thing('never'),
        });
        const filters = [{ positions: { first: 3n, last: 3n } }];
        expect(await found(store, { scope: { kind: 'STREAM', stream: thing('a') }, filters })).toEqual([]);
      }),
    );

    it(
      'between times, both bounds included, to the microsecond',
      withStore(async (store) => {
        await six(store);
        const events = await loaded(store);
        for (const [first, last] of [
          [2, 4],
          [0, 5],
          [3, 3],
        ] as const) {
          const [from, until] = [events[first]?.recordedAt ?? 0n, events[last]?.recordedAt ?? 0n];
          const expected = events.filter(({ recordedAt }) => recordedAt >= from && recordedAt <= until);
          expect(await found(store, { filters: [{ recorded: { first: from, last: until } }] })).toEqual(
            expected.map(jsonOf),
          );
        }
        const last = events.at(-1)?.recordedAt ?? 0n;
        expect(await found(store, { filters: [{ recorded: { first: last + 1n } }] })).toEqual([]);
        const before = events.filter(({ recordedAt }) => recordedAt < last);
        expect(await found(store, { filters: [{ recorded: { last: last - 1n } }] })).toEqual(
          before.map(jsonOf),
        );
      }),
    );
  });

  describe('the pages of a load', () => {
    const many = async (store: EventStore) => {
      for (let batch = 0; batch < 5; batch++)
        await store.append({
          streams: Array.from({ length: 5 }, (_, stream) =>
            to(
              thing(`s${stream}`),
              'ANY',
              ...Array.from({ length: 100 }, (_, index) =>
                newEvent({ json: batch * 500 + stream * 100 + index + 1 }),
              ),
            ),
          ),
        });
    };
    const meets = (pages: readonly LoadPage[], after: bigint, last: bigint, direction = 'FORWARDS') => {
      const forwards = direction === 'BACKWARDS' ? [...pages].reverse() : pages;
      expect(forwards[0]?.scannedAfter).toBe(after);
      expect(forwards.at(-1)?.scannedTo).toBe(last);
      forwards.forEach((page, index) => {
        if (index > 0) expect(page.scannedAfter).toBe(forwards[index - 1]?.scannedTo);
        expect(
          page.events.every(({ position }) => position > page.scannedAfter && position <= page.scannedTo),
        ).toBe(true);
      });
    };

    it(
      'meet and cover all, in both directions, one by one and by stream',
      withStore(async (store) => {
        await many(store);
        for (const direction of ['FORWARDS', 'BACKWARDS'] as const) {
          const pages = await loadedPages(store, { direction });
          expect(pages.length >= 3).toBe(true);
          meets(pages, 0n, 2500n, direction);
          const numbers = pages.flatMap(({ events }) => events.map(jsonOf));
          expect(numbers.length).toBe(2500);
          expect(new Set(numbers).size).toBe(2500);
          const stream = await loadedPages(store, {
            direction,
            scope: { kind: 'STREAM', stream: thing('s2') },
          });
          meets(stream, 0n, 2500n, direction);
          expect(stream.flatMap(({ events }) => events).length).toBe(500);
          meets(
            await loadedPages(store, { direction, filters: [{ eventTypes: ['None'] }] }),
            0n,
            2500n,
            direction,
          );
        }
      }),
    );

    it(
      'begin and end at the bounds of the positions, and at the last event of a limit',
      withStore(async (store) => {
        await many(store);
        meets(
          await loadedPages(store, { filters: [{ positions: { first: 100n, last: 1400n } }] }),
          99n,
          1400n,
        );
        meets(await loadedPages(store, { filters: [{ positions: { first: 100n } }] }), 99n, 2500n);
        meets(await loadedPages(store, { limit: 1500n }), 0n, 1500n);
        meets(await loadedPages(store, { limit: 1500n, direction: 'BACKWARDS' }), 1000n, 2500n, 'BACKWARDS');
      }),
    );

    it(
      'hold 1,000 events and 2 MiB at most, or one event',
      withStore(async (store) => {
        await many(store);
        for (let index = 0; index < 5; index++)
          await store.append(
            appendTo(thing('big'), newEvent({ data: new Uint8Array(900 * 1024).fill(index) })),
          );
        const pages = await loadedPages(store);
        meets(pages, 0n, 2505n);
        for (const { events } of pages) {
          expect(events.length <= 1000).toBe(true);
          const bytes = events.reduce((sum, event) => sum + eventBytes(event), 0);
          expect(bytes <= 2.1 * 1024 * 1024 || events.length === 1).toBe(true);
        }
        const big = await loaded(store, { scope: { kind: 'STREAM', stream: thing('big') } });
        expect(big.map(({ data }) => data[0])).toEqual([0, 1, 2, 3, 4]);
      }),
    );

    it(
      'do not reach beyond the head at the first page, however long the reader takes',
      withStore(async (store) => {
        await many(store);
        let total = 0;
        for await (const page of store.load({})) {
          total += page.events.length;
          await store.append(appendTo(thing('later'), newEvent()));
        }
        expect(total).toBe(2500);
      }),
    );

    it(
      'may be left, or given up, at any point',
      withStore(async (store) => {
        await many(store);
        for await (const page of store.load({})) {
          expect(page.events.length > 0).toBe(true);
          break;
        }
        const given = new AbortController();
        const reason = new Error('no longer wanted');
        const rest = (async () => {
          for await (const page of store.load({}, { signal: given.signal })) {
            expect(page.events.length > 0).toBe(true);
            given.abort(reason);
          }
        })();
        await expect(rest).rejects.toMatchObject({ message: 'no longer wanted' });
        expect((await loaded(store, { limit: 1n })).length).toBe(1);
      }),
    );
  });
}
