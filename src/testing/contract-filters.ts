import type { Event } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { Filter, Scope } from '../core/filter.js';
import { matcher } from '../core/matcher.js';
import { eventsOf } from '../core/load.js';
import { jsonOf, loaded, newEvent, seededRandom, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

const AGGREGATE_TYPES = ['Thing', 'Other', 'Third'];
const EVENT_TYPES = ['Opened', 'Changed', 'Closed'];
const TAGS = ['kind:a', 'kind:b', 'owner:ada', 'owner:bob'];

/** Rows B2 and B5, and all filters together: what a store finds is what the one matcher says. */
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

  describe('scopes and filters of all kinds together', () => {
    it(
      'find what a fold over the whole log with the matcher finds',
      withStore(async (store) => {
        const random = seededRandom(20_260_101);
        const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
        for (let batch = 0; batch < 40; batch++)
          await store.append({
            streams: Array.from({ length: 3 }, (_, type) =>
              to(
                thing(`${Math.floor(random() * 6)}`, AGGREGATE_TYPES[type]),
                'ANY',
                ...Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
                  newEvent({ eventType: pick(EVENT_TYPES), tags: TAGS.filter(() => random() < 0.3) }),
                ),
              ),
            ),
          });
        const log = await loaded(store);
        for (let round = 0; round < 150; round++) {
          const scope = randomScope(random, log);
          const filters = Array.from({ length: Math.floor(random() * 4) }, () => randomFilter(random, log));
          const direction = random() < 0.5 ? ('FORWARDS' as const) : ('BACKWARDS' as const);
          const limit = random() < 0.3 ? { limit: BigInt(1 + Math.floor(random() * 20)) } : {};
          const matching = log.filter(matcher(scope, filters));
          if (direction === 'BACKWARDS') matching.reverse();
          const expected = limit.limit === undefined ? matching : matching.slice(0, Number(limit.limit));
          const found: bigint[] = [];
          for await (const event of eventsOf(store.load({ scope, filters, direction, ...limit })))
            found.push(event.position);
          const shown = JSON.stringify({ scope, filters, direction, limit }, (_, value: unknown) =>
            typeof value === 'bigint' ? String(value) : value,
          );
          expect({ shown, found }).toEqual({ shown, found: expected.map(({ position }) => position) });
        }
      }),
      60_000,
    );
  });
}

function randomScope(random: () => number, log: readonly Event[]): Scope {
  const stream = () => (log[Math.floor(random() * log.length)] as Event).stream;
  const kind = random();
  if (kind < 0.3) return { kind: 'LOG' };
  if (kind < 0.55) return { kind: 'STREAM', stream: stream() };
  if (kind < 0.75) {
    const [first, second] = [stream(), stream()];
    const same = first.aggregateId === second.aggregateId && first.aggregateType === second.aggregateType;
    return { kind: 'STREAMS', streams: same ? [first] : [first, second] };
  }
  return {
    kind: 'AGGREGATE_TYPES',
    aggregateTypes: AGGREGATE_TYPES.filter((_, index) => index === 0 || random() < 0.5),
  };
}

function randomFilter(random: () => number, log: readonly Event[]): Filter {
  const some = <T>(values: readonly T[]) => values.filter(() => random() < 0.4);
  const at = () => log[Math.floor(random() * log.length)] as Event;
  const between = (low: bigint, high: bigint) => {
    const [first, last] = low <= high ? [low, high] : [high, low];
    return { ...(random() < 0.7 ? { first } : {}), ...(random() < 0.7 ? { last } : {}) };
  };
  return {
    ...(random() < 0.5 ? { eventTypes: some(EVENT_TYPES) } : {}),
    ...(random() < 0.5 ? { tags: some(TAGS).slice(0, 2) } : {}),
    ...(random() < 0.3 ? { versions: between(at().version, at().version) } : {}),
    ...(random() < 0.3 ? { positions: between(at().position, at().position) } : {}),
    ...(random() < 0.3 ? { recorded: between(at().recordedAt, at().recordedAt) } : {}),
  };
}
