import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { Runtime } from '../../src/core/runtime.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, jsonOf, loaded, newEvent, thing } from '../../src/testing/index.js';

const openStore = (runtime: Partial<Runtime> = {}) =>
  createMemoryEventStore({ runtime: { ...systemRuntime, ...runtime } });

describe('what the store in memory was given, or gave', () => {
  it('is spoilt by one follower without another seeing it, live or caught up', async () => {
    const store = openStore();
    await store.append(appendTo(thing('a'), newEvent({ json: 1 })));
    const [first, second] = [await liveFollower(store), await liveFollower(store)];
    await store.append(appendTo(thing('a'), newEvent({ json: 2 })));
    for (const follower of [first, second]) {
      const events = await follower.next();
      expect(events.map(jsonOf)).toEqual([2]);
      for (const { data } of events) data.fill(0);
    }
    expect((await loaded(store)).map(jsonOf)).toEqual([1, 2]);
  });

  it('cannot be changed by its names, metadata and tags', async () => {
    const store = openStore();
    const appended = await store.append(
      appendTo(thing('a'), newEvent({ metadata: { key: 'value' }, tags: ['a:b'] })),
    );
    const [event] = await loaded(store);
    for (const object of [event?.stream, event?.metadata, event?.tags, appended.versions[0]?.stream])
      expect(Object.isFrozen(object)).toBe(true);
  });

  it('is taken when append is called, not when it is awaited', async () => {
    const store = openStore();
    const data = Uint8Array.from([1]);
    const appending = store.append(appendTo(thing('a'), newEvent({ data })));
    data[0] = 2;
    await appending;
    expect((await loaded(store)).map((event) => [...event.data])).toEqual([[1]]);
  });
});

describe('the time in the store in memory', () => {
  it('stands still while the clock runs backwards, and goes on when it has caught up', async () => {
    let now = 0n;
    const store = openStore({ now: () => now });
    for (now of [50n, 20n, 49n, 51n]) await store.append(appendTo(thing('a'), newEvent()));
    expect((await loaded(store)).map(({ recordedAt }) => recordedAt)).toEqual([50n, 50n, 50n, 51n]);
  });
});

/** A follower that has caught up; `next` gives the next events. */
async function liveFollower(store: EventStore): Promise<{ next(): Promise<readonly Event[]> }> {
  const messages = store.subscribe({})[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await messages.next();
    if (done) throw new Error('The subscription has ended');
    if (value.signal?.kind === 'CAUGHT_UP') break;
    for (const { data } of value.events) data.fill(0);
  }
  return {
    next: async () => {
      const { value, done } = await messages.next();
      if (done) throw new Error('The subscription has ended');
      return value.events;
    },
  };
}
