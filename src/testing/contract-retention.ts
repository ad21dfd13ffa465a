import { appendTo, fill, jsonOf, loaded, newEvent, shown, thing } from './builders.js';
import { eventually, type TestFramework, type WithStore } from './contract.js';

const a = thing('a');
const any = { stream: a, expectedVersion: 'ANY' } as const;
const SECOND = 1_000_000n;

/** Row A11: truncation, and retention by number and age: hidden at once, emptied soon after, never shown again. */
export function retentionContract(framework: TestFramework, withStore: WithStore): void {
  const { describe, it, expect, sleep } = framework;

  describe('a truncated stream', () => {
    it(
      'shows nothing below the version any more, and goes on as before',
      withStore(async (store) => {
        await fill(store, a, 5);
        await store.truncateStream({ ...any, beforeVersion: 4n });
        expect(await shown(store, a)).toEqual([4, 5, 6]);
        expect(await shown(store, a, { direction: 'BACKWARDS', limit: 10n })).toEqual([6, 5, 4]);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([4, 5, 6]);
        expect(await shown(store, a, { filters: [{ versions: { last: 4n } }] })).toEqual([4]);
        const merged = await loaded(store, { scope: { kind: 'STREAMS', streams: [a] } });
        expect(merged.map(({ version }) => version)).toEqual([4n, 5n, 6n]);
        expect(await store.countEvents({ scope: { kind: 'STREAM', stream: a } })).toMatchObject({
          count: 3n,
        });
        expect(await store.getStream(a)).toMatchObject({ version: 6n, firstVersion: 4n });
        expect((await store.append(appendTo(a, newEvent()))).versions).toEqual([{ stream: a, version: 7n }]);
      }),
    );

    it(
      'is never less truncated than it was',
      withStore(async (store) => {
        await fill(store, a, 5);
        await store.truncateStream({ ...any, beforeVersion: 5n });
        await store.truncateStream({ ...any, beforeVersion: 2n });
        expect(await shown(store, a)).toEqual([5, 6, 7]);
        expect(await store.getStream(a)).toMatchObject({ version: 7n, firstVersion: 5n });
      }),
    );

    it(
      'may show only what says that it is truncated',
      withStore(async (store) => {
        await fill(store, a, 2);
        await store.truncateStream({ ...any, beforeVersion: 3n });
        expect(await shown(store, a)).toEqual([3]);
        expect((await loaded(store, { scope: { kind: 'STREAM', stream: a } })).map(jsonOf)).toEqual([
          { before_version: '3' },
        ]);
      }),
    );

    it(
      'is passed over by readers of the log soon after, whose ranges still meet',
      withStore(async (store) => {
        await fill(store, a, 5);
        await store.append(appendTo(thing('b'), newEvent({ tags: ['other:b'] })));
        await store.truncateStream({ ...any, beforeVersion: 4n });
        const inLog = async () => (await loaded(store)).map(({ position }) => Number(position));
        await eventually(
          framework,
          'what was truncated is emptied',
          async () => (await inLog()).length === 4,
        );
        expect(await inLog()).toEqual([4, 5, 6, 7]);
        let reached = 0n;
        for await (const { scannedAfter, scannedTo } of store.load({})) {
          expect(scannedAfter).toBe(reached);
          reached = scannedTo;
        }
        expect(reached).toBe(7n);
        expect(await store.countEvents()).toMatchObject({ count: 4n, position: 7n });
        expect(await shown(store, a)).toEqual([4, 5, 6]);
      }),
    );

    it(
      'may be deleted and created anew, and stays truncated',
      withStore(async (store) => {
        await fill(store, a, 3);
        await store.truncateStream({ ...any, beforeVersion: 3n });
        await store.deleteStream(any);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([3, 4, 5]);
        await store.append(appendTo(thing('other'), newEvent()));
        await store.append({ streams: [{ stream: a, expectedVersion: 'NO_STREAM', events: [newEvent()] }] });
        expect(await shown(store, a)).toEqual([6]);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([3, 4, 5, 6]);
      }),
    );
  });

  describe('a stream that keeps only so many events', () => {
    it(
      "shows the newest ones, the store's own not counted",
      withStore(async (store) => {
        await fill(store, a, 5);
        await store.setRetention({ ...any, retention: { maxCount: 2n } });
        expect(await shown(store, a)).toEqual([4, 5, 6]);
        await store.append(appendTo(a, newEvent()));
        expect(await shown(store, a)).toEqual([5, 6, 7]);
        await store.append(appendTo(a, newEvent(), newEvent(), newEvent()));
        expect(await shown(store, a)).toEqual([9, 10]);
        expect(await store.getStream(a)).toMatchObject({
          version: 10n,
          firstVersion: 9n,
          retention: { maxCount: 2n },
        });
        expect(await store.countEvents({ scope: { kind: 'STREAMS', streams: [a] } })).toMatchObject({
          count: 2n,
        });
        await store.deleteStream(any);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([9, 10, 11]);
      }),
    );

    it(
      'keeps all again from when the limit is lifted, and what was emptied stays hidden',
      withStore(async (store) => {
        await fill(store, a, 5);
        await store.setRetention({ ...any, retention: { maxCount: 1n } });
        await eventually(
          framework,
          'what is not kept is emptied',
          async () => (await loaded(store)).length === 2,
        );
        await store.setRetention({ ...any, retention: {} });
        await store.append(appendTo(a, newEvent(), newEvent()));
        expect(await shown(store, a)).toEqual([5, 6, 7, 8, 9]);
        const info = await store.getStream(a);
        expect([info.retention.maxCount, info.retention.maxAge]).toEqual([undefined, undefined]);
      }),
    );
  });

  describe('a stream that keeps events only for so long', () => {
    it(
      'hides them when they are older, the last one too, and shows what comes',
      withStore(async (store) => {
        await fill(store, a, 3);
        await fill(store, thing('kept'), 1);
        await store.setRetention({ ...any, retention: { maxAge: 2n * SECOND } });
        expect(await shown(store, a)).toEqual([1, 2, 3, 4]);
        await sleep(2100);
        expect(await shown(store, a)).toEqual([]);
        expect(await store.getStream(a)).toMatchObject({
          version: 4n,
          firstVersion: 5n,
          retention: { maxAge: 2n * SECOND },
        });
        expect(await store.countEvents({ scope: { kind: 'STREAM', stream: a } })).toMatchObject({
          count: 0n,
        });
        await store.append(appendTo(a, newEvent()));
        expect(await shown(store, a)).toEqual([5]);
        expect(await shown(store, thing('kept'))).toEqual([1]);
      }),
    );

    it(
      'may keep only so many besides',
      withStore(async (store) => {
        await fill(store, a, 5);
        await store.setRetention({ ...any, retention: { maxAge: 3600n * SECOND, maxCount: 3n } });
        expect(await shown(store, a)).toEqual([3, 4, 5, 6]);
        await store.setRetention({ ...any, retention: { maxAge: SECOND, maxCount: 3n } });
        await sleep(1100);
        expect(await shown(store, a)).toEqual([]);
      }),
    );
  });
}
