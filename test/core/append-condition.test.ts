import { describe, expect, it } from 'vitest';
import type { ConditionItem } from '../../src/core/append.js';
import { matchesCondition } from '../../src/core/append-condition.js';

describe('the items of an append condition', () => {
  const event = { eventType: 'Opened', tags: ['a:1', 'b:2'] };
  const cases: readonly [string, readonly ConditionItem[], boolean][] = [
    ['none', [], false],
    ['one with nothing set', [{}], true],
    ['one with empty lists', [{ eventTypes: [], tags: [] }], true],
    ['one of several types', [{ eventTypes: ['Closed', 'Opened'] }], true],
    ['another type', [{ eventTypes: ['opened'] }], false],
    ['all of the tags', [{ tags: ['b:2', 'a:1'] }], true],
    ['one tag too many', [{ tags: ['a:1', 'b:2', 'c:3'] }], false],
    ['a type that holds and a tag that does not', [{ eventTypes: ['Opened'], tags: ['c:3'] }], false],
    ['one item of two', [{ tags: ['c:3'] }, { eventTypes: ['Opened'] }], true],
    [
      'a type of one item and a tag of another',
      [{ eventTypes: ['Opened'], tags: ['c:3'] }, { eventTypes: ['No'] }],
      false,
    ],
  ];
  for (const [what, items, expected] of cases)
    it(`${expected ? 'match' : 'do not match'}: ${what}`, () =>
      expect(matchesCondition(items, event)).toBe(expected));
});
