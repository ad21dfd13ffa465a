import type { EventStore } from '../core/event-store.js';
import type { Filter } from '../core/filter.js';
import { jsonOf, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Rows B2 and B5: filters by types and tags, one beside another. */
export function filtersContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('a filter', () => {
    const small = async (store: EventStore) => {
      await store.append({
        streams: [
          to(thing('a'), 'ANY', newEvent({ json: 1, eventType: 'Opened', tags: ['kind:a', 'owner:ada'] })),
          to(thing('b'), 'ANY', newEvent({ json: 2, eventType: 'Changed', tags: ['kind:a'] })),
          to(thing('c'), 'ANY', newEvent({ json: 3, eventType: 'Opened', tags: ['owner:ada'] })),
          to(thing('d'), 'ANY', newEvent({ json: 4, eventType: 'Closed' })),
        ],
      });
    };
    const cases: readonly [string, readonly Filter[], number[]][] = [
      ['by an event type', [{ eventTypes: ['Opened'] }], [1, 3]],
      ['by any of several event types', [{ eventTypes: ['Closed', 'Changed'] }], [2, 4]],
      ['by a tag', [{ tags: ['kind:a'] }], [1, 2]],
      ['by all of several tags', [{ tags: ['kind:a', 'owner:ada'] }], [1]],
      ['by type and tag', [{ eventTypes: ['Opened'], tags: ['owner:ada'], versions: { last: 1n } }], [1, 3]],
      [
        'by one or the other, without duplicates',
        [{ eventTypes: ['Opened'] }, { tags: ['kind:a'] }],
        [1, 2, 3],
      ],
      ['by an aggregate type', [{ streams: [{ aggregateType: 'Thing' }] }], [1, 2, 3, 4]],
      ['by another aggregate type', [{ streams: [{ aggregateType: 'thing' }] }], []],
      [
        'by any of several streams',
        [{ streams: [{ aggregateId: 'a' }, { aggregateIdPrefix: 'd' }] }],
        [1, 4],
      ],
      [
        'by streams and event types together, in each filter others',
        [
          { streams: [{ aggregateType: 'Thing', aggregateId: 'c' }], eventTypes: ['Opened'] },
          { streams: [{ aggregateType: 'Thing', aggregateId: 'd' }], eventTypes: ['Opened'] },
        ],
        [3],
      ],
      ['by a pattern with nothing set matches all', [{ streams: [{}] }], [1, 2, 3, 4]],
      ['with nothing set matches all', [{}], [1, 2, 3, 4]],
      ['with nothing set beside another matches all', [{ tags: ['no:such'] }, {}], [1, 2, 3, 4]],
      ['that nothing matches', [{ eventTypes: ['opened'] }], []],
      ['a tag is matched whole', [{ tags: ['kind:'] }], []],
    ];
    for (const [what, filters, expected] of cases)
      it(
        what,
        withStore(async (store) => {
          await small(store);
          expect((await loaded(store, { filters })).map(jsonOf)).toEqual(expected);
        }),
      );
  });
}
