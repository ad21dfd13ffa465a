import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aggregateType,
  anyEvent,
  type EventMatcher,
  eventType,
  matcher,
  matchesAny,
  selectionOf,
} from '../../src/core/event-matcher.js';
import { WHOLE_LOG } from '../../src/core/filter.js';
import { FILTER_NAMES, FILTERS } from '../../src/core/limits.js';
import { matcher as selectionMatcher } from '../../src/core/matcher.js';
import { validateSubscribe } from '../../src/core/validate-read.js';
import { storedEvent } from './events.js';

const of = (type: string, aggregate: string) =>
  storedEvent({ eventType: type, stream: { aggregateType: aggregate, aggregateId: '1' } });
const selects = (matchers: readonly EventMatcher[]) => {
  const { scope = WHOLE_LOG, filters = [] } = selectionOf(matchers);
  return selectionMatcher(scope, filters);
};

describe('a matcher', () => {
  it('matches everything as long as nothing is said', () => {
    expect(anyEvent().matches(of('Opened', 'Account'))).toBe(true);
    expect(matcher().matches(of('$stream-deleted', 'Account'))).toBe(true);
  });

  it('takes the values of one call as alternatives', () => {
    const one = eventType('Opened', 'Closed');
    expect(one.matches(of('Closed', 'Account'))).toBe(true);
    expect(one.matches(of('Sent', 'Account'))).toBe(false);
  });

  it('wants all that is said about it', () => {
    const one = matcher().eventType('Opened').aggregateType('Account');
    expect(one.matches(of('Opened', 'Account'))).toBe(true);
    expect(one.matches(of('Opened', 'Order'))).toBe(false);
    expect(one.matches(of('Closed', 'Account'))).toBe(false);
  });

  it('is left as it was when more is said about it', () => {
    const one = eventType('Opened', 'Closed');
    one.eventType('Opened');
    expect(one.matches(of('Closed', 'Account'))).toBe(true);
  });

  it('is narrowed when the same is said twice, and refuses what nothing could match', () => {
    expect(eventType('A', 'B').eventType('B', 'C').eventTypes).toEqual(new Set(['B']));
    expect(() => eventType('A').eventType('B')).toThrow(
      'No event matches: its event type cannot be one of A and also one of B',
    );
    expect(() => aggregateType('A').aggregateType('B')).toThrow(TypeError);
  });

  it('refuses an empty list, which would match nothing', () => {
    expect(() => eventType()).toThrow('Name at least one event type, or match any event');
    expect(() => aggregateType()).toThrow(TypeError);
  });
});

describe('several matchers', () => {
  it('match if one of them does; none at all match everything', () => {
    const some = [matcher().eventType('Opened').aggregateType('Account'), aggregateType('Order')];
    expect(matchesAny(some, of('Opened', 'Account'))).toBe(true);
    expect(matchesAny(some, of('Sent', 'Order'))).toBe(true);
    expect(matchesAny(some, of('Closed', 'Account'))).toBe(false);
    expect(matchesAny([], of('Closed', 'Account'))).toBe(true);
  });
});

const NAMES = ['A', 'B', 'C', 'D'];
const names = fc.option(fc.subarray(NAMES, { minLength: 1 }), { nil: undefined });
const someMatchers = fc.array(
  fc.record({ events: names, aggregates: names }).map(({ events, aggregates }) => {
    const one = events === undefined ? matcher() : eventType(...events);
    return aggregates === undefined ? one : one.aggregateType(...aggregates);
  }),
  { maxLength: 6 },
);
const events = NAMES.flatMap((type) => NAMES.map((aggregate) => of(type, aggregate)));

describe('what is asked of the log', () => {
  it('is just what the matchers match, where a request can say it', () => {
    fc.assert(
      fc.property(someMatchers, (matchers) => {
        const selected = selects(matchers);
        for (const event of events) expect(selected(event)).toBe(matchesAny(matchers, event));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order of matchers and names', () => {
    fc.assert(
      fc.property(someMatchers, (matchers) => {
        expect(selectionOf(matchers.toReversed())).toEqual(selectionOf(matchers));
      }),
    );
    expect(selectionOf([eventType('B', 'A')])).toEqual(selectionOf([eventType('A'), eventType('B')]));
  });

  it('keeps to the limits of a request however much is wanted, and never leaves out what matches', () => {
    const many = (count: number, prefix: string) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
    const cases: readonly (readonly EventMatcher[])[] = [
      [eventType(...many(FILTER_NAMES * FILTERS, 'e'))],
      [eventType(...many(FILTER_NAMES * FILTERS + 1, 'e'))],
      [aggregateType(...many(FILTER_NAMES + 1, 'a'))],
      [
        matcher()
          .eventType('e1')
          .aggregateType(...many(FILTER_NAMES + 1, 'a')),
        eventType('e0'),
      ],
      many(30, 'a').map((name, n) => matcher().aggregateType(name).eventType(`e${n}`)),
    ];
    for (const matchers of cases) {
      expect(() => validateSubscribe(selectionOf(matchers))).not.toThrow();
      const selected = selects(matchers);
      for (let n = 0; n <= FILTER_NAMES * FILTERS; n++) {
        const event = of(`e${n}`, `a${n}`);
        if (matchesAny(matchers, event)) expect(selected(event)).toBe(true);
      }
    }
  });
});
