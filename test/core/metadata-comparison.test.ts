import { describe, expect, it } from 'vitest';
import type { ComparisonOperator, MetadataComparison, ValueKind } from '../../src/core/filter.js';
import { metadataComparison } from '../../src/core/metadata-comparison.js';

const OPPOSITE = [
  ['EQUAL', 'NOT_EQUAL'],
  ['IN', 'NOT_IN'],
] as const;

const holds = (
  text: string | undefined,
  operator: ComparisonOperator,
  values: readonly string[],
  kind?: ValueKind,
): boolean => {
  const comparison: MetadataComparison = {
    key: 'k',
    operator,
    values,
    ...(kind === undefined ? {} : { kind }),
  };
  return metadataComparison(comparison)(text === undefined ? {} : { k: text });
};

describe('a comparison of metadata', () => {
  const cases: readonly [string, ComparisonOperator, string, ValueKind, boolean][] = [
    ['1.0', 'EQUAL', '1', 'NUMBER', true],
    ['1.0', 'EQUAL', '1', 'STRING', false],
    ['1e2', 'GREATER', '99.9', 'NUMBER', true],
    ['1e2', 'LESS', '99.9', 'STRING', true],
    ['-0', 'EQUAL', '0', 'NUMBER', true],
    ['10', 'LESS', '9', 'STRING', true],
    ['10', 'LESS', '9', 'NUMBER', false],
    ['9007199254740993', 'GREATER', '9007199254740992', 'NUMBER', true],
    ['5', 'GREATER_OR_EQUAL', '5', 'NUMBER', true],
    ['5', 'LESS_OR_EQUAL', '5', 'NUMBER', true],
    ['5', 'GREATER', '5', 'NUMBER', false],
    ['5', 'LESS', '5', 'NUMBER', false],
    ['five', 'LESS_OR_EQUAL', '5', 'NUMBER', false],
    ['five', 'GREATER', '5', 'NUMBER', false],
    ['', 'EQUAL', '', 'STRING', true],
    ['', 'LESS', 'a', 'STRING', true],
    ['😀', 'GREATER', '\uffff', 'STRING', true],
    ['true', 'EQUAL', 'true', 'BOOLEAN', true],
    ['false', 'EQUAL', 'true', 'BOOLEAN', false],
    ['True', 'EQUAL', 'true', 'BOOLEAN', false],
    ['1', 'EQUAL', 'true', 'BOOLEAN', false],
    ['xxabbby', 'MATCHES', 'ab+', 'STRING', true],
    ['xxabbby', 'MATCHES', '^ab+', 'STRING', false],
    ['Été 😀', 'MATCHES', '^(?i)été .$', 'STRING', true],
    ['a\nb', 'MATCHES', '^b$', 'STRING', false],
    ['a\nb', 'MATCHES', '(?m)^b$', 'STRING', true],
  ];
  for (const [text, operator, value, kind, expected] of cases)
    it(`${JSON.stringify(text)} ${operator} ${JSON.stringify(value)} as ${kind}: ${expected}`, () =>
      expect(holds(text, operator, [value], kind)).toBe(expected));

  it('takes strings where no kind is said', () => {
    expect(holds('1.0', 'EQUAL', ['1'])).toBe(false);
    expect(holds('1', 'EQUAL', ['1'])).toBe(true);
  });

  it('is in a list if it equals one of it', () => {
    expect(holds('1.0', 'IN', ['3', '1'], 'NUMBER')).toBe(true);
    expect(holds('1.0', 'NOT_IN', ['3', '1'], 'NUMBER')).toBe(false);
    expect(holds('2', 'NOT_IN', ['3', '1'], 'NUMBER')).toBe(true);
  });

  it('of a key that is missing, or of another kind, holds only for what it is not', () => {
    for (const text of [undefined, 'no number'])
      for (const [is, isNot] of OPPOSITE) {
        expect(holds(text, is, ['1'], 'NUMBER')).toBe(false);
        expect(holds(text, isNot, ['1'], 'NUMBER')).toBe(true);
      }
    for (const operator of ['GREATER', 'GREATER_OR_EQUAL', 'LESS', 'LESS_OR_EQUAL', 'MATCHES'] as const)
      expect(holds(undefined, operator, ['1'])).toBe(false);
    expect(holds(undefined, 'MATCHES', [''])).toBe(false);
  });

  it('sees only own keys, whatever they are called', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const comparison = metadataComparison({ key, operator: 'NOT_EQUAL', values: ['x'] });
      expect(comparison({})).toBe(true);
      expect(metadataComparison({ key, operator: 'MATCHES', values: [''] })({})).toBe(false);
      const own = Object.fromEntries([[key, 'x']]);
      expect(comparison(own)).toBe(false);
    }
  });

  it('by a pattern takes linear time, whatever the pattern', () => {
    const text = 'a'.repeat(60_000);
    const begun = performance.now();
    for (const pattern of ['(a+)+$b', '(a*)*b', '(.*)(.*)(.*)(.*)c', '(a?){100}a{100}b'])
      expect(holds(text, 'MATCHES', [pattern])).toBe(false);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});
