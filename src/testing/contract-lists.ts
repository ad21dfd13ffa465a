import type { EventStore } from '../core/event-store.js';
import type { ListStreamsRequest, StreamList } from '../core/stream-list.js';
import { appendTo, fill, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Row A10: the lists of streams and of aggregate types. */
export function listsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const names = ({ streams }: StreamList) =>
    streams.map(({ stream }) => `${stream.aggregateType} ${stream.aggregateId}`);
  const all = async (store: EventStore, request: ListStreamsRequest) => {
    const found: string[] = [];
    let page = await store.listStreams(request);
    found.push(...names(page));
    while (page.nextPageToken !== undefined) {
      page = await store.listStreams({ ...request, pageToken: page.nextPageToken });
      found.push(...names(page));
    }
    return found;
  };

  describe('the list of streams', () => {
    const ids = ['b', 'a', 'B', 'ab', 'a%', 'a_', 'a\\', 'é', '\uffff', '😀', 'a b'];
    const some = async (store: EventStore) => {
      await store.append({
        streams: [
          ...ids.map((id) => to(thing(id), 'ANY', newEvent())),
          to(thing('a', 'Other'), 'ANY', newEvent()),
        ],
      });
      await store.deleteStream({ stream: thing('ab'), expectedVersion: 'ANY' });
    };
    const sorted = ['B', 'a', 'a b', 'a%', 'a\\', 'a_', 'b', 'é', '\uffff', '😀'].map((id) => `Thing ${id}`);

    it(
      'is in the order of their bytes, by type and id, whatever the size of a page',
      withStore(async (store) => {
        await some(store);
        for (const pageSize of [1, 2, 3, 11, 12, 1000])
          expect(await all(store, { pageSize })).toEqual(['Other a', ...sorted]);
        expect((await store.listStreams({ pageSize: 11 })).nextPageToken).toBe(undefined);
        expect((await store.listStreams({ pageSize: 10 })).nextPageToken !== undefined).toBe(true);
      }),
    );

    it(
      'may be of one type, and of ids that begin alike, taken as they are written',
      withStore(async (store) => {
        await some(store);
        expect(await all(store, { aggregateType: 'Other' })).toEqual(['Other a']);
        expect(await all(store, { aggregateType: 'Othe' })).toEqual([]);
        const cases: readonly [string, string[]][] = [
          ['a', ['a', 'a b', 'a%', 'a\\', 'a_']],
          ['a%', ['a%']],
          ['a_', ['a_']],
          ['a\\', ['a\\']],
          ['\uffff', ['\uffff']],
          ['😀', ['😀']],
          ['%', []],
        ];
        for (const [aggregateIdPrefix, expected] of cases)
          for (const pageSize of [1, 100])
            expect(await all(store, { aggregateType: 'Thing', aggregateIdPrefix, pageSize })).toEqual(
              expected.map((id) => `Thing ${id}`),
            );
      }),
    );

    it(
      'leaves deleted ones out, or has only them, or all',
      withStore(async (store) => {
        await some(store);
        expect(await all(store, { deleted: 'ONLY' })).toEqual(['Thing ab']);
        expect((await all(store, { deleted: 'INCLUDE' })).length).toBe(12);
        expect((await all(store, { deleted: 'EXCLUDE' })).length).toBe(11);
      }),
    );

    it(
      'has each stream that is there all the time exactly once, whatever is written meanwhile',
      withStore(async (store) => {
        const there = Array.from({ length: 30 }, (_, index) => `s${String(index).padStart(2, '0')}`);
        await store.append({ streams: there.map((id) => to(thing(id), 'ANY', newEvent())) });
        const found: string[] = [];
        let page = await store.listStreams({ pageSize: 7 });
        for (let round = 0; ; round++) {
          found.push(...page.streams.map(({ stream }) => stream.aggregateId));
          if (page.nextPageToken === undefined) break;
          await store.append(appendTo(thing(`a${round}`), newEvent()));
          await store.append(appendTo(thing(`s${round}x`), newEvent()));
          await store.append(appendTo(thing('s29'), newEvent()));
          page = await store.listStreams({ pageSize: 7, pageToken: page.nextPageToken });
        }
        expect(found.filter((id) => there.includes(id))).toEqual(there);
        expect(new Set(found).size).toBe(found.length);
      }),
    );

    it(
      'refuses a size that is none, a prefix without a type, and a token that is not of the same request',
      withStore(async (store) => {
        await some(store);
        const { nextPageToken = '' } = await store.listStreams({ aggregateType: 'Thing', pageSize: 2 });
        const cases: readonly [ListStreamsRequest, string][] = [
          [{ pageSize: 1001 }, 'page_size'],
          [{ aggregateIdPrefix: 'a' }, 'aggregate_id_prefix'],
          [{ aggregateType: '$x' }, 'aggregate_type'],
          [{ pageToken: 'x' }, 'page_token'],
          [{ pageToken: "' OR 1=1 --" }, 'page_token'],
          [{ pageToken: nextPageToken }, 'page_token'],
          [{ aggregateType: 'Thing', deleted: 'INCLUDE', pageToken: nextPageToken }, 'page_token'],
        ];
        for (const [request, field] of cases)
          await expect(store.listStreams(request)).rejects.toMatchObject({
            reason: 'INVALID_REQUEST',
            violations: [{ field }],
          });
        await expect(store.listAggregateTypes({ pageToken: nextPageToken })).rejects.toMatchObject({
          violations: [{ field: 'page_token' }],
        });
      }),
    );
  });

  describe('the list of aggregate types', () => {
    it(
      'counts streams, deleted streams and all events, and comes in pages',
      withStore(async (store) => {
        expect(await store.listAggregateTypes()).toEqual({ aggregateTypes: [], nextPageToken: undefined });
        await fill(store, thing('1', 'b'), 3);
        await fill(store, thing('2', 'b'), 2);
        await fill(store, thing('1', '😀'), 1);
        await fill(store, thing('1', '\uffff'), 1);
        await fill(store, thing('1', 'B'), 1);
        await store.deleteStream({ stream: thing('2', 'b'), expectedVersion: 2n });
        const first = await store.listAggregateTypes({ pageSize: 2 });
        expect(first.aggregateTypes).toEqual([
          { aggregateType: 'B', streams: 1n, deletedStreams: 0n, events: 1n },
          { aggregateType: 'b', streams: 1n, deletedStreams: 1n, events: 6n },
        ]);
        const rest = await store.listAggregateTypes({ pageSize: 2, pageToken: first.nextPageToken ?? '' });
        expect(rest.aggregateTypes.map(({ aggregateType }) => aggregateType)).toEqual(['\uffff', '😀']);
        expect(rest.nextPageToken).toBe(undefined);
      }),
    );
  });
}
