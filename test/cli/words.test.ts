import { describe, expect, it } from 'vitest';
import { conditionFromText } from '../../src/cli/append-condition.js';
import { describeDuration, durationFrom } from '../../src/cli/duration.js';
import { streamFrom } from '../../src/cli/event-json.js';
import { describeBytes } from '../../src/cli/size.js';
import { nameOf, streamOf } from '../../src/cli/stream-argument.js';
import { describeVersions, versionRangesFrom } from '../../src/cli/version-ranges.js';

describe('a duration', () => {
  it.each([
    ['90s', 90n, '1m 30s'],
    ['30m', 1800n, '30m'],
    ['12h', 43_200n, '12h'],
    ['36h', 129_600n, '1d 12h'],
    ['30d', 2_592_000n, '30d'],
    ['2w', 1_209_600n, '14d'],
    ['1y', 31_536_000n, '1y'],
    ['0s', 0n, '0s'],
  ])('reads %s and says it again', (text, seconds, said) => {
    expect(durationFrom(text, '--max-age')).toBe(seconds * 1_000_000n);
    expect(describeDuration(seconds * 1_000_000n)).toBe(said);
  });

  it('says fractions of a second', () => {
    expect(describeDuration(61_500_000n)).toBe('1m 1.5s');
  });

  it.each(['', '30', 'd', '1.5d', '-1d', '30D', '1 d', '1mo'])('refuses %j with the way out', (text) => {
    expect(() => durationFrom(text, '--max-age')).toThrow(
      `--max-age ${JSON.stringify(text)} is no duration: write 90s`,
    );
  });
});

it('a duration is at most a thousand years', () => {
  expect(describeDuration(durationFrom('1000y', '--max-age'))).toBe('1000y');
  for (const text of ['1001y', '999999999999y', '31536000001s'])
    expect(() => durationFrom(text, '--max-age')).toThrow(
      `--max-age "${text}" is too long: the limit is a thousand years, 1000y`,
    );
});

describe('versions', () => {
  it('are sorted and merged', () => {
    const ranges = versionRangesFrom('9, 3-5,4-6,1,10');
    expect(ranges).toEqual([
      { first: 1n, last: 1n },
      { first: 3n, last: 6n },
      { first: 9n, last: 10n },
    ]);
    expect(describeVersions(ranges)).toBe('1, 3-6, 9-10');
  });

  it.each([
    ['', 'which is no version from 1'],
    ['0', 'which is no version from 1'],
    ['3-', 'has "3-"'],
    ['1,,2', 'has ""'],
    ['5-3', 'write 3-5'],
    ['a', 'has "a"'],
  ])('%j is refused', (text, problem) => {
    expect(() => versionRangesFrom(text)).toThrow(problem);
  });
});

describe('a condition', () => {
  it('takes positions as numbers, text, or position@epoch', () => {
    const after = (value: unknown) =>
      conditionFromText(JSON.stringify({ items: [{ event_types: ['A'], tags: ['a:1'] }], after: value }));
    const expected = (found: object) => ({ items: [{ eventTypes: ['A'], tags: ['a:1'] }], after: found });
    expect(after({ position: 12, epoch: '1' })).toEqual(expected({ position: 12n, epoch: 1n }));
    expect(after('12@1')).toEqual(expected({ position: 12n, epoch: 1n }));
    expect(after(12)).toEqual(expected({ position: 12n }));
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'must be a JSON object'],
    ['{}', 'needs items'],
    ['{"items":[]}', 'needs items'],
    ['{"items":[{"tags":"x"}]}', 'tags of an item of --condition must be a list of strings'],
    ['{"items":[{"types":["x"]}]}', 'has "types"; it may have event_types, tags'],
    ['{"items":[{}],"after":{"position":-1}}', 'is no position'],
    ['{"items":[{}],"after":{"pos":1}}', 'has "pos"'],
  ])('%s is refused', (text, problem) => {
    expect(() => conditionFromText(text)).toThrow(problem);
  });
});

describe('a stream in one word', () => {
  it.each([
    ['Account/42', 'Account', '42'],
    ['Account/a/b%2F', 'Account', 'a/b%2F'],
    ['A%2FB/1', 'A/B', '1'],
    ['100%/1', '100%', '1'],
    ['A%252F%2525/1', 'A%2F%25', '1'],
  ])('%s is read, and said again', (text, aggregateType, aggregateId) => {
    expect(streamFrom(text)).toEqual({ aggregateType, aggregateId });
    expect(nameOf({ aggregateType, aggregateId })).toBe(text);
  });

  it('takes two words as they stand', () => {
    expect(streamOf('A/B%2F', '1')).toEqual({ aggregateType: 'A/B%2F', aggregateId: '1' });
  });
});

it('bytes are said in the unit that fits', () => {
  expect([0n, 1023n, 1536n, 5n << 30n].map(describeBytes)).toEqual([
    '0 bytes',
    '1023 bytes',
    '1.5 KiB',
    '5.0 GiB',
  ]);
});
