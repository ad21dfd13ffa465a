import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import { VersionGaps, type VersionGapsOptions } from '../../src/projections/version-gaps.js';
import { systemRuntime } from '../../src/system.js';
import { fill, loaded, seededRandom, thing } from '../../src/testing/builders.js';
import { emptyLogs, type TestStore } from '../support/test-database.js';

const logs = emptyLogs();
afterAll(() => logs.close());

let opened: TestStore;
let store: EventStore;
let loads: number;
let seen: Event[];
beforeEach(async () => {
  opened = await logs.open();
  store = opened.store;
  loads = 0;
  seen = [];
});

afterEach(() => opened.close());

const gaps = (options: Partial<VersionGapsOptions> = {}) =>
  new VersionGaps({
    store: {
      load: (request, more) => {
        loads += 1;
        return store.load(request, more);
      },
    },
    handle: async (event) => {
      seen.push(event);
    },
    ...options,
  });

const eventsOf = (id: string) => loaded(store, { scope: { kind: 'STREAM', stream: thing(id) } });
const versions = (id = 'a') =>
  seen.filter(({ stream }) => stream.aggregateId === id).map(({ version }) => Number(version));

describe('what a broker delivers', () => {
  it('is handled as it comes where nothing is missing, without a look into the store', async () => {
    await fill(store, thing('a'), 3);
    const receiver = gaps();
    for (const event of await eventsOf('a'))
      expect(await receiver.receive(event)).toEqual({ kind: 'HANDLED', filled: 0 });
    expect(versions()).toEqual([1, 2, 3]);
    expect(loads).toBe(0);
  });

  it('twice is handled once', async () => {
    await fill(store, thing('a'), 2);
    const receiver = gaps();
    for (const event of [...(await eventsOf('a')), ...(await eventsOf('a'))]) await receiver.receive(event);
    expect(versions()).toEqual([1, 2]);
    expect(await receiver.receive((await eventsOf('a'))[0] as Event)).toEqual({ kind: 'DUPLICATE' });
  });

  it('with a gap in front waits until what is missing was loaded and handled', async () => {
    for (let times = 0; times < 3; times++) await fill(store, thing('a'), 800);
    const all = await eventsOf('a');
    const receiver = gaps();
    await receiver.receive(all[1] as Event);
    expect(versions()).toEqual([1, 2]);
    expect(await receiver.receive(all[2399] as Event)).toEqual({ kind: 'HANDLED', filled: 2397 });
    expect(versions()).toEqual(all.map(({ version }) => Number(version)));
    expect(loads).toBe(2);
  });

  it('in any order, side by side and repeatedly, is handled once and in order in each aggregate', async () => {
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await fill(store, thing(id), 50);
    const all = await loaded(store);
    const random = seededRandom(7);
    const delivered = [...all, ...all]
      .map((event) => ({ event, rank: random() }))
      .sort((one, other) => one.rank - other.rank)
      .map(({ event }) => event);
    const receiver = gaps({
      handle: async (event) => {
        await systemRuntime.sleep(0);
        seen.push(event);
      },
    });
    await Promise.all(delivered.map((event) => receiver.receive(event)));
    for (const id of ids) expect(versions(id)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });

  it('of an aggregate that is not known begins behind what the handler has recorded', async () => {
    await fill(store, thing('a'), 10);
    const receiver = gaps({ lastVersion: async () => 7n });
    const all = await eventsOf('a');
    expect(await receiver.receive(all[5] as Event)).toEqual({ kind: 'DUPLICATE' });
    await receiver.receive(all[9] as Event);
    expect(versions()).toEqual([8, 9, 10]);
  });

  it('passes over what the stream does not show any more, and loads what was deleted', async () => {
    await fill(store, thing('a'), 6);
    const all = await eventsOf('a');
    await store.truncateStream({ stream: thing('a'), expectedVersion: 'ANY', beforeVersion: 4n });
    await store.deleteStream({ stream: thing('a'), expectedVersion: 'ANY' });
    await gaps().receive(all[5] as Event);
    expect(versions()).toEqual([4, 5, 6]);
  });

  it('is delivered again when its handler fails, and goes on where that was', async () => {
    await fill(store, thing('a'), 5);
    let failures = 1;
    const receiver = gaps({
      handle: async (event) => {
        if (event.version === 3n && failures-- > 0) throw new Error('not now');
        seen.push(event);
      },
    });
    const last = (await eventsOf('a'))[4] as Event;
    await expect(receiver.receive(last)).rejects.toThrow('not now');
    await receiver.receive(last);
    expect(versions()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('what is remembered of aggregates', () => {
  it('is bounded, and what was forgotten is asked for', async () => {
    for (let index = 0; index < 20; index++) await fill(store, thing(`s-${index}`), 2);
    const recorded = new Map<string, bigint>();
    const receiver = gaps({
      aggregates: 5,
      lastVersion: async ({ aggregateId }) => recorded.get(aggregateId) ?? 0n,
      handle: async (event) => {
        seen.push(event);
        recorded.set(event.stream.aggregateId, event.version);
      },
    });
    for (const version of [1n, 2n, 1n])
      for (const event of await loaded(store)) if (event.version === version) await receiver.receive(event);
    expect(receiver.size).toBe(5);
    expect(seen.length).toBe(40);
    expect(loads).toBe(0);
  });

  it('and what is under way is bounded', async () => {
    await fill(store, thing('a'), 3);
    const [first, second, third] = (await eventsOf('a')) as [Event, Event, Event];
    let open = () => undefined as void;
    const passed = new Promise<void>((resolve) => {
      open = resolve;
    });
    const receiver = gaps({ capacity: 2, handle: () => passed });
    const under = [receiver.receive(first), receiver.receive(second)];
    await expect(receiver.receive(third)).rejects.toMatchObject({ reason: 'OVERLOADED' });
    open();
    await Promise.all(under);
    expect(await receiver.receive(third)).toEqual({ kind: 'HANDLED', filled: 0 });
  });
});
