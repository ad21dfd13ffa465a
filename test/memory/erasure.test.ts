import { expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, jsonOf, newEvent, thing } from '../../src/testing/index.js';

it('a slow follower is not given, out of the ring, what was erased since it was put there', async () => {
  const store = createMemoryEventStore({ runtime: systemRuntime });
  const follower = () => store.subscribe({})[Symbol.asyncIterator]();
  const [slow, quick] = [follower(), follower()];
  for (const each of [slow, quick]) expect((await each.next()).value?.signal).toEqual({ kind: 'CAUGHT_UP' });
  const a = thing('a');
  await store.append(appendTo(a, newEvent({ json: 'secret' }), newEvent({ json: 'open' })));
  expect((await quick.next()).value?.events.map(jsonOf)).toEqual(['secret', 'open']);
  await store.eraseEvents({ stream: a, expectedVersion: 2n, versions: [{ first: 1n, last: 1n }] });
  expect((await quick.next()).value?.events.length).toBe(1);
  const events: readonly Event[] = (await slow.next()).value?.events ?? [];
  expect(events.map(({ erased = false, data }) => [erased, data.byteLength > 0])).toEqual([
    [true, false],
    [false, true],
    [false, true],
  ]);
  for (const each of [slow, quick]) await each.return?.();
});
