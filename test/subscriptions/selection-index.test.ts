import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import { type Filter, type Scope, type StreamPattern, WHOLE_LOG } from '../../src/core/filter.js';
import type { Selection } from '../../src/core/log.js';
import { matcher } from '../../src/core/matcher.js';
import { erasedEvent } from '../../src/core/system-events.js';
import { SelectionIndex } from '../../src/subscriptions/selection-index.js';
import { someFilter, storedEvent } from '../core/events.js';

// Few values, of which some begin as others do, so that much is found and much is nearly found.
const someType = fc.constantFrom('Account', 'Order', 'A');
const someId = fc.constantFrom('a', 'ab', 'abc', 'b', '', 'é', '💶', '💶x');
const someStream = fc.record({ aggregateType: someType, aggregateId: someId });

const somePattern: fc.Arbitrary<StreamPattern> = fc.oneof(
  fc.record({ aggregateType: someType, aggregateId: someId }, { requiredKeys: [] }),
  fc.record({ aggregateType: someType, aggregateIdPrefix: someId }, { requiredKeys: [] }),
);

const someScope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant(WHOLE_LOG),
  someStream.map((stream): Scope => ({ kind: 'STREAM', stream })),
  fc.array(someStream, { maxLength: 3 }).map((streams): Scope => ({ kind: 'STREAMS', streams })),
  fc
    .array(someType, { maxLength: 2 })
    .map((aggregateTypes): Scope => ({ kind: 'AGGREGATE_TYPES', aggregateTypes })),
);

const narrowed: fc.Arbitrary<Filter> = fc
  .tuple(
    someFilter,
    fc.record(
      {
        streams: fc.array(somePattern, { maxLength: 3 }),
        only: fc.array(somePattern, { maxLength: 3 }),
        metadata: fc.constantFrom([], [{ key: 'k', operator: 'EQUAL', values: ['1'] } as const]),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([one, other]) => ({ ...one, ...other }));

const someSelection: fc.Arbitrary<Selection> = fc.record({
  scope: someScope,
  filters: fc.array(narrowed, { maxLength: 3 }),
});

const someEvent: fc.Arbitrary<Event> = fc
  .tuple(
    fc.record({
      stream: someStream,
      eventType: fc.constantFrom('Opened', 'Closed', '$stream-deleted'),
      tags: fc.subarray(['a:1', 'b:2']),
      metadata: fc.constantFrom<Event['metadata']>({}, { k: '1' }),
      version: fc.bigInt({ min: 1n, max: 20n }),
      position: fc.bigInt({ min: 1n, max: 20n }),
    }),
    fc.boolean(),
  )
  .map(([fields, erased]) => (erased ? erasedEvent(storedEvent(fields)) : storedEvent(fields)));

function found(index: SelectionIndex<number>, event: Event): readonly number[] {
  const items: number[] = [];
  index.find(event, {
    found: (item) => items.push(item),
    failed: (_, error) => {
      throw error;
    },
  });
  return items.toSorted((one, other) => one - other);
}

describe('the index of selections', () => {
  it('finds exactly those whose matcher matches, each once, whoever has come and gone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(someSelection, fc.boolean()), { maxLength: 12 }),
        fc.array(someEvent, { minLength: 1, maxLength: 6 }),
        (selections, events) => {
          const index = new SelectionIndex<number>();
          const takeOut = selections.map(([selection], item) => index.add(selection, item));
          const matching = (event: Event, stays: (item: number) => boolean) =>
            selections.flatMap(([{ filters, scope }], item) =>
              stays(item) && matcher(scope, filters)(event) ? [item] : [],
            );
          for (const event of events) expect(found(index, event)).toEqual(matching(event, () => true));
          const stays = (item: number) => selections[item]?.[1] ?? false;
          takeOut.forEach((out, item) => {
            if (!stays(item)) out();
          });
          for (const event of events) expect(found(index, event)).toEqual(matching(event, stays));
          for (const out of takeOut) out();
          for (const event of events) expect(found(index, event)).toEqual([]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('asks only those whose narrowest key the event has', () => {
    const index = new SelectionIndex<string>();
    let looks = 0;
    // An event that counts how often its version is looked at, which every one of these selections does in the end.
    const event = storedEvent({
      stream: { aggregateType: 'Account', aggregateId: 'a-1' },
      tags: ['own:1', 'all'],
    });
    const counting: Event = Object.defineProperty({ ...event }, 'version', {
      get: () => {
        looks += 1;
        return 1n;
      },
    });
    const versions = { first: 1n };
    for (let other = 0; other < 1000; other += 1) {
      const filters: readonly Filter[] = [
        { eventTypes: ['Opened'], streams: [{ aggregateId: `b-${other}` }], versions },
        { eventTypes: ['Opened'], tags: [`own:${other + 2}`], versions },
        { eventTypes: ['Opened'], streams: [{ aggregateIdPrefix: `b-${other}` }], versions },
      ];
      for (const filter of filters)
        index.add(
          { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] }, filters: [filter] },
          'other',
        );
    }
    index.add({ scope: WHOLE_LOG, filters: [{ tags: ['own:1'], versions }] }, 'mine');
    const items: string[] = [];
    index.find(counting, { found: (item) => items.push(item), failed: () => undefined });
    expect(items).toEqual(['mine']);
    expect(looks).toBe(1);
  });

  it('stands under the tag that is the rarest so far', () => {
    const index = new SelectionIndex<number>();
    for (let item = 0; item < 100; item += 1)
      index.add({ scope: WHOLE_LOG, filters: [{ tags: ['tenant:1', `order:${item}`] }] }, item);
    expect(found(index, storedEvent({ tags: ['tenant:1', 'order:7'] }))).toEqual([7]);
  });
});
