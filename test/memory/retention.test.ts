import { describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/core/event-store.js';
import type { LoadRequest } from '../../src/core/load.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, fill, loaded, newEvent, shown, thing } from '../../src/testing/index.js';

const SECOND = 1_000_000n;
const a = thing('a');
const any = { stream: a, expectedVersion: 'ANY' } as const;

/** A store whose clock stands still unless it is set. */
function openStore(): { store: EventStore; clock: { now: bigint } } {
  const clock = { now: 1000n * SECOND };
  return { store: createMemoryEventStore({ runtime: { ...systemRuntime, now: () => clock.now } }), clock };
}

const inLog = async (store: EventStore, request: LoadRequest = {}) =>
  (await loaded(store, request)).map(({ position }) => Number(position));

describe('age in the store in memory', () => {
  it('hides an event when it is older by a microsecond, and not before', async () => {
    const { store, clock } = openStore();
    await store.append(appendTo(a, newEvent()));
    clock.now += 1n;
    await store.append(appendTo(a, newEvent()));
    await store.setRetention({ ...any, retention: { maxAge: SECOND } });
    clock.now = 1001n * SECOND;
    expect(await shown(store, a)).toEqual([1, 2, 3]);
    clock.now += 1n;
    expect(await shown(store, a)).toEqual([2, 3]);
    expect(await store.getStream(a)).toMatchObject({ firstVersion: 2n });
    clock.now += 1n;
    expect(await shown(store, a)).toEqual([]);
    expect(await store.getStream(a)).toMatchObject({ version: 3n, firstVersion: 4n });
  });

  it('empties it for readers of the log, of counts and of subscriptions at once', async () => {
    const { store, clock } = openStore();
    await fill(store, a, 2);
    await fill(store, thing('kept'), 1);
    await store.setRetention({ ...any, retention: { maxAge: SECOND } });
    clock.now += 2n * SECOND;
    // The store's own event, which set the age, stays.
    expect(await inLog(store)).toEqual([3, 4]);
    expect(await inLog(store, { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Thing'] } })).toEqual([
      3, 4,
    ]);
    expect(await store.countEvents()).toEqual({ count: 2n, position: 4n, epoch: 1n });
    for await (const { events, scannedTo } of store.subscribe({})) {
      expect([events.map(({ position }) => position), scannedTo]).toEqual([[3n, 4n], 4n]);
      break;
    }
  });

  it('that is lifted does not bring back what has expired', async () => {
    const { store, clock } = openStore();
    await fill(store, a, 2);
    await store.setRetention({ ...any, retention: { maxAge: SECOND } });
    clock.now += 2n * SECOND;
    await store.setRetention({ ...any, retention: {} });
    clock.now += 100n * SECOND;
    expect(await shown(store, a)).toEqual([4]);
  });
});

describe('what is truncated in the store in memory', () => {
  it('is gone at once for readers of the log, and what was erased before stays as a shell', async () => {
    const { store } = openStore();
    await fill(store, a, 4);
    await store.eraseEvents({ ...any, versions: [{ first: 1n, last: 1n }] });
    await store.truncateStream({ ...any, beforeVersion: 4n });
    const log = await loaded(store);
    expect(log.map(({ version, erased = false }) => [Number(version), erased])).toEqual([
      [1, true],
      [4, false],
      [5, false],
      [6, false],
    ]);
    expect(await shown(store, a)).toEqual([4, 5, 6]);
  });

  it('is no longer there to be erased', async () => {
    const { store } = openStore();
    await fill(store, a, 3);
    await store.truncateStream({ ...any, beforeVersion: 3n });
    await store.eraseStream(any);
    expect((await loaded(store)).map(({ version, erased = false }) => [Number(version), erased])).toEqual([
      [3, true],
      [4, false],
      [5, false],
    ]);
  });
});
