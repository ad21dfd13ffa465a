import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import { eventsOf, withLoadDefaults } from '../../src/core/load.js';
import { storedEvent } from './events.js';

describe('the events of pages', () => {
  it('come one by one in the order of the pages, empty ones passed over', async () => {
    const [a, b, c] = [1n, 2n, 3n].map((position) => storedEvent({ position }));
    const pages = (async function* () {
      yield { events: [] as Event[] };
      yield { events: [a, b] as Event[] };
      yield { events: [] as Event[] };
      yield { events: [c] as Event[] };
    })();
    const events: Event[] = [];
    for await (const event of eventsOf(pages)) events.push(event);
    expect(events).toEqual([a, b, c]);
  });

  it('let go of the pages when they are left', async () => {
    let released = false;
    const pages = (async function* () {
      try {
        for (;;) yield { events: [storedEvent()] };
      } finally {
        released = true;
      }
    })();
    for await (const event of eventsOf(pages)) {
      expect(event.position).toBe(1n);
      break;
    }
    expect(released).toBe(true);
  });
});

describe('a load request', () => {
  it('is the whole log forwards unless told otherwise', () => {
    expect(withLoadDefaults({})).toEqual({
      scope: { kind: 'LOG' },
      filters: [],
      direction: 'FORWARDS',
      limit: undefined,
      includeDeleted: false,
    });
    const told = {
      scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] },
      filters: [{ tags: ['a:1'] }],
      direction: 'BACKWARDS',
      limit: 3n,
      includeDeleted: true,
    } as const;
    expect(withLoadDefaults(told)).toEqual(told);
  });
});
