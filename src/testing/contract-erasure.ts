import { appendTo, eventId, fill, jsonOf, loaded, newEvent, shown, thing } from './builders.js';
import { eventually, type TestFramework, type WithStore } from './contract.js';

const a = thing('a');
const any = { stream: a, expectedVersion: 'ANY' } as const;
const SHELL = { contentType: '', metadata: {}, tags: [], erased: true };

/** Row A11: erasure. Of an event the shell stays, for every reader. */
export function erasureContract(framework: TestFramework, withStore: WithStore): void {
  const { describe, it, expect } = framework;
  const secret = (number: number) =>
    newEvent({
      json: { secret: number },
      eventId: eventId(number),
      metadata: { who: 'ada' },
      tags: ['who:ada'],
    });

  describe('an erased event', () => {
    it(
      'is delivered as a shell with its place, type, id and time, and the others as they were',
      withStore(async (store) => {
        await store.append(appendTo(a, secret(1), secret(2), secret(3), secret(4)));
        const before = await loaded(store);
        await store.eraseEvents({
          ...any,
          versions: [
            { first: 1n, last: 1n },
            { first: 3n, last: 4n },
          ],
        });
        for (const request of [{}, { scope: { kind: 'STREAM', stream: a } }] as const) {
          const after = await loaded(store, request);
          expect(after.slice(0, 4).map(({ erased = false }) => erased)).toEqual([true, false, true, true]);
          expect(after[1]).toEqual(before[1]);
          for (const index of [0, 2, 3]) {
            const { data, ...rest } = after[index] ?? secret(0);
            const { data: _, ...whole } = before[index] ?? secret(0);
            expect(data.byteLength).toBe(0);
            expect(rest).toEqual({ ...whole, ...SHELL });
          }
          expect(after[4]).toMatchObject({ eventType: '$events-erased', version: 5n });
        }
      }),
    );

    it(
      'is found by what its shell says, and no longer by tag or metadata',
      withStore(async (store) => {
        await store.append(appendTo(a, secret(1), secret(2)));
        await store.eraseEvents({ ...any, versions: [{ first: 1n, last: 1n }] });
        const found = async (filter: object) =>
          (await loaded(store, { filters: [filter] })).map(({ version }) => Number(version));
        expect(await found({ eventTypes: ['Happened'] })).toEqual([1, 2]);
        expect(await found({ versions: { first: 1n, last: 1n } })).toEqual([1]);
        expect(await found({ tags: ['who:ada'] })).toEqual([2]);
        expect(await found({ metadata: [{ key: 'who', operator: 'EQUAL', values: ['ada'] }] })).toEqual([2]);
        expect(await found({ metadata: [{ key: 'who', operator: 'NOT_EQUAL', values: ['ada'] }] })).toEqual([
          1, 3,
        ]);
        const condition = { items: [{ tags: ['who:ada'] }] };
        const outcome = await store.append({
          ...appendTo(thing('b'), newEvent()),
          condition,
          onConflict: 'RETURN',
        });
        expect(outcome).toMatchObject({ conditionFailedAt: 2n });
      }),
    );

    it(
      'is still known by its id: a repeat is answered as the first time, other data is refused',
      withStore(async (store) => {
        const request = appendTo(a, secret(1), secret(2));
        const first = await store.append(request);
        await store.eraseEvents({ ...any, versions: [{ first: 1n, last: 2n }] });
        expect(await store.append(request)).toEqual({ ...first, deduplicated: true });
        await expect(
          store.append(appendTo(a, { ...secret(1), data: new Uint8Array() }, secret(2))),
        ).rejects.toMatchObject({ reason: 'EVENT_ID_REUSED' });
      }),
    );

    it(
      'may be erased again, and deleted, restored and truncated like others',
      withStore(async (store) => {
        await store.append(appendTo(a, secret(1), secret(2), secret(3)));
        for (let times = 0; times < 2; times++)
          await store.eraseEvents({ ...any, versions: [{ first: 1n, last: 2n }] });
        await store.deleteStream(any);
        await store.restoreStream(any);
        expect(await shown(store, a)).toEqual([1, 2, 3, 4, 5, 6, 7]);
        await store.truncateStream({ ...any, beforeVersion: 2n });
        for (const includeDeleted of [false, true]) {
          const [first] = await loaded(store, { scope: { kind: 'STREAM', stream: a }, includeDeleted });
          expect(first).toMatchObject({ version: 2n, erased: true });
        }
      }),
    );
  });

  describe("the store's own events", () => {
    it(
      'are never emptied, neither by erasing nor by truncating: what was erased stays on record',
      withStore(async (store) => {
        await store.append(appendTo(a, secret(1), secret(2)));
        const metadata = { reason: 'asked to' };
        await store.eraseEvents({ ...any, metadata, versions: [{ first: 1n, last: 1n }] });
        await store.deleteStream(any);
        await store.eraseEvents({ ...any, versions: [{ first: 1n, last: 4n }] });
        await store.eraseStream(any);
        await store.restoreStream(any);
        await store.append(appendTo(a, secret(3)));
        const own = { filters: [{ versions: { first: 3n, last: 7n } }] };
        const before = await loaded(store, own);
        expect(before.map(({ erased = false }) => erased)).toEqual([false, false, false, false, false]);
        expect(before[0]).toMatchObject({ eventType: '$events-erased', metadata });
        expect(before.slice(0, 1).map(jsonOf)).toEqual([{ versions: [{ first: '1', last: '1' }] }]);
        await store.truncateStream({ ...any, beforeVersion: 9n });
        await eventually(
          framework,
          'the others are emptied',
          async () => (await loaded(store, { filters: [{ eventTypes: ['Happened'] }] })).length === 2,
        );
        expect(await loaded(store, own)).toEqual(before);
        expect(await shown(store, a)).toEqual([9]);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([9]);
      }),
    );
  });

  describe('an erased stream', () => {
    it(
      'is deleted, and only shells of its events are left, for readers of the log as well',
      withStore(async (store) => {
        await store.append(appendTo(a, secret(1), secret(2), secret(3)));
        await store.append(appendTo(thing('b'), newEvent({ tags: ['who:ada'] })));
        const erased = await store.eraseStream({
          ...any,
          expectedVersion: 3n,
          metadata: { reason: 'asked to' },
        });
        expect(erased).toMatchObject({ version: 4n, position: 5n });
        await expect(shown(store, a)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
        const log = await loaded(store);
        expect(log.map(({ version, erased: empty = false }) => [version, empty])).toEqual([
          [1n, true],
          [2n, true],
          [3n, true],
          [1n, false],
          [4n, false],
        ]);
        expect(log[4]).toMatchObject({ eventType: '$stream-erased', metadata: { reason: 'asked to' } });
        expect(await shown(store, a, { includeDeleted: true })).toEqual([1, 2, 3, 4]);
        expect((await loaded(store, { filters: [{ tags: ['who:ada'] }] })).length).toBe(1);
      }),
    );

    it(
      'may be restored or created anew, but what was erased stays so',
      withStore(async (store) => {
        await fill(store, a, 2);
        await store.eraseStream(any);
        await store.restoreStream(any);
        await store.append(appendTo(a, newEvent()));
        const events = await loaded(store, { scope: { kind: 'STREAM', stream: a } });
        expect(events.map(({ version, erased = false }) => [version, erased])).toEqual([
          [1n, true],
          [2n, true],
          [3n, false],
          [4n, false],
          [5n, false],
        ]);
        await store.deleteStream(any);
        const again = await store.append({
          streams: [{ stream: a, expectedVersion: 'NO_STREAM', events: [newEvent()] }],
        });
        expect(again.versions).toEqual([{ stream: a, version: 7n }]);
        expect(await shown(store, a)).toEqual([7]);
      }),
    );
  });
}
