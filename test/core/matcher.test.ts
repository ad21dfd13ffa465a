import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Filter, type Scope, WHOLE_LOG } from '../../src/core/filter.js';
import { matcher, positionBounds } from '../../src/core/matcher.js';
import { erasedEvent } from '../../src/core/system-events.js';
import { someEvent, someFilter, storedEvent } from './events.js';

describe('a scope', () => {
  const cases: readonly [string, Scope, boolean][] = [
    ['the whole log has every event', WHOLE_LOG, true],
    ['its stream has it', { kind: 'STREAM', stream: { aggregateType: 'Account', aggregateId: 'a' } }, true],
    [
      'a stream of the same id and another type has it not',
      { kind: 'STREAM', stream: { aggregateType: 'Order', aggregateId: 'a' } },
      false,
    ],
    [
      'a stream of the same type and another id has it not',
      { kind: 'STREAM', stream: { aggregateType: 'Account', aggregateId: 'A' } },
      false,
    ],
    [
      'several streams have it if one does',
      {
        kind: 'STREAMS',
        streams: [
          { aggregateType: 'Order', aggregateId: 'a' },
          { aggregateType: 'Account', aggregateId: 'a' },
        ],
      },
      true,
    ],
    [
      'several streams do not mix the type of one with the id of another',
      {
        kind: 'STREAMS',
        streams: [
          { aggregateType: 'Order', aggregateId: 'a' },
          { aggregateType: 'Account', aggregateId: 'b' },
        ],
      },
      false,
    ],
    ['its aggregate type has it', { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order', 'Account'] }, true],
    ['another aggregate type has it not', { kind: 'AGGREGATE_TYPES', aggregateTypes: ['account'] }, false],
  ];
  for (const [what, scope, expected] of cases)
    it(what, () => expect(matcher(scope)(storedEvent())).toBe(expected));

  it('is not widened by a filter', () => {
    const scope: Scope = { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] };
    expect(matcher(scope, [{}])(storedEvent())).toBe(false);
  });
});

describe('a filter', () => {
  const event = storedEvent({ version: 3n, position: 7n, tags: ['a:1', 'b:2'], recordedAt: 500n });
  const cases: readonly [string, Filter, boolean][] = [
    ['with nothing set', {}, true],
    ['with empty lists', { eventTypes: [], tags: [] }, true],
    ['any of the types', { eventTypes: ['Closed', 'Opened'] }, true],
    ['none of the types', { eventTypes: ['Closed'] }, false],
    ['one of its tags', { tags: ['b:2'] }, true],
    ['all of its tags', { tags: ['b:2', 'a:1'] }, true],
    ['a tag that it lacks besides', { tags: ['a:1', 'c:3'] }, false],
    ['a part of a tag', { tags: ['a:'] }, false],
    ['the first version of the range', { versions: { first: 3n, last: 9n } }, true],
    ['the last version of the range', { versions: { first: 1n, last: 3n } }, true],
    ['a version behind the range', { versions: { last: 2n } }, false],
    ['a version before the range', { versions: { first: 4n } }, false],
    ['the first position of the range', { positions: { first: 7n } }, true],
    ['the last position of the range', { positions: { last: 7n } }, true],
    ['a position behind the range', { positions: { last: 6n } }, false],
    ['a position before the range', { positions: { first: 8n } }, false],
    ['exactly its time', { recorded: { first: 500n, last: 500n } }, true],
    ['a microsecond too early', { recorded: { first: 501n } }, false],
    ['a microsecond too late', { recorded: { last: 499n } }, false],
    ['one field that holds and one that does not', { eventTypes: ['Opened'], tags: ['c:3'] }, false],
  ];
  for (const [what, filter, expected] of cases)
    it(`${expected ? 'matches' : 'does not match'}: ${what}`, () =>
      expect(matcher(WHOLE_LOG, [filter])(event)).toBe(expected));

  it('finds an erased event by all that its shell still says, and never by tag or metadata', () => {
    const whole = storedEvent({
      version: 3n,
      position: 7n,
      tags: ['a:1'],
      metadata: { k: '1' },
      recordedAt: 5n,
    });
    const shell = erasedEvent(whole);
    const alike: Filter = {
      eventTypes: ['Opened'],
      versions: { first: 3n, last: 3n },
      positions: { first: 7n, last: 7n },
      recorded: { first: 5n, last: 5n },
    };
    for (const event of [whole, shell]) expect(matcher(WHOLE_LOG, [alike])(event)).toBe(true);
    const equal = { key: 'k', operator: 'EQUAL', values: ['1'] } as const;
    for (const filter of [{ tags: ['a:1'] }, { metadata: [equal] }]) {
      expect(matcher(WHOLE_LOG, [filter])(whole)).toBe(true);
      expect(matcher(WHOLE_LOG, [filter])(shell)).toBe(false);
    }
  });

  it('with comparisons of metadata matches where all of them hold', () => {
    const filter: Filter = {
      metadata: [
        { key: 'n', operator: 'GREATER', kind: 'NUMBER', values: ['9'] },
        { key: 'who', operator: 'IN', values: ['ada', 'bob'] },
      ],
    };
    const matches = matcher(WHOLE_LOG, [filter]);
    expect(matches(storedEvent({ metadata: { n: '10', who: 'bob' } }))).toBe(true);
    expect(matches(storedEvent({ metadata: { n: '9', who: 'bob' } }))).toBe(false);
    expect(matches(storedEvent({ metadata: { n: '10' } }))).toBe(false);
  });

  it('beside others matches if it or one of them does', () => {
    fc.assert(
      fc.property(fc.array(someFilter, { minLength: 1, maxLength: 4 }), someEvent, (filters, one) => {
        const alone = filters.map((filter) => matcher(WHOLE_LOG, [filter])(one));
        expect(matcher(WHOLE_LOG, filters)(one)).toBe(alone.includes(true));
      }),
    );
  });
});

describe('the bounds of the positions', () => {
  it('hold every event that matches', () => {
    fc.assert(
      fc.property(fc.array(someFilter, { maxLength: 4 }), someEvent, (filters, event) => {
        fc.pre(matcher(WHOLE_LOG, filters)(event));
        const { first, last } = positionBounds(filters);
        expect(event.position >= first && (last === undefined || event.position <= last)).toBe(true);
      }),
    );
  });

  const cases: readonly [string, readonly Filter[], { first: bigint; last: bigint | undefined }][] = [
    ['without filters', [], { first: 1n, last: undefined }],
    ['of a filter without positions', [{ tags: ['a:1'] }], { first: 1n, last: undefined }],
    ['of one filter', [{ positions: { first: 5n, last: 9n } }], { first: 5n, last: 9n }],
    [
      'of two filters are the outermost',
      [{ positions: { first: 5n, last: 9n } }, { positions: { first: 2n, last: 3n } }],
      { first: 2n, last: 9n },
    ],
    [
      'are open where one filter is, whichever comes first',
      [{ positions: { first: 5n } }, { positions: { last: 3n } }],
      { first: 1n, last: undefined },
    ],
  ];
  for (const [what, filters, expected] of cases)
    it(what, () => {
      expect(positionBounds(filters)).toEqual(expected);
      expect(positionBounds([...filters].reverse())).toEqual(expected);
    });
});
