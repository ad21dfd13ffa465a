import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDecimals, type Decimal, parseDecimal } from '../../src/core/decimal.js';

const decimal = (text: string): Decimal => {
  const parsed = parseDecimal(text);
  if (parsed === undefined) throw new Error(`${text} is no number`);
  return parsed;
};

describe('a number', () => {
  for (const text of [
    '0',
    '-0',
    '1',
    '-12',
    '1.5',
    '0.10',
    '1e5',
    '1E+5',
    '-1.25e-3',
    '9'.repeat(500),
    '1e999999999',
  ])
    it(`is ${text.slice(0, 40)}`, () => expect(parseDecimal(text)).toBeDefined());

  const NONE = [
    '',
    ' 1',
    '1 ',
    '+1',
    '01',
    '.5',
    '1.',
    '1e',
    'e1',
    '0x10',
    'NaN',
    'Infinity',
    '1_000',
    '١',
    '--1',
    '1e1.5',
  ];
  for (const text of [...NONE, '1e1000000000', '1\n', 'true'])
    it(`is not ${JSON.stringify(text)}`, () => expect(parseDecimal(text)).toBeUndefined());
});

describe('numbers compare exactly', () => {
  const cases: readonly [string, '<' | '=' | '>', string][] = [
    ['1', '=', '1.0'],
    ['1e2', '=', '100'],
    ['-0', '=', '0.000'],
    ['0e5', '=', '0'],
    ['0.1', '=', '1e-1'],
    ['1200', '=', '0.0012e6'],
    ['9007199254740993', '>', '9007199254740992'],
    ['9'.repeat(400), '<', `1${'0'.repeat(400)}`],
    ['-1', '<', '0'],
    ['-2', '<', '-1'],
    ['-10', '<', '-9'],
    ['0.30000000000000004', '>', '0.3'],
    ['1e999999999', '>', '9e999999998'],
    ['1e-999999999', '>', '0'],
    ['-1e-999999999', '<', '0'],
    ['123', '>', '12'],
    ['-123', '<', '-12'],
  ];
  for (const [left, sign, right] of cases)
    it(`${left.slice(0, 30)} ${sign} ${right.slice(0, 30)}`, () => {
      const expected = { '<': -1, '=': 0, '>': 1 }[sign];
      expect(Math.sign(compareDecimals(decimal(left), decimal(right)))).toBe(expected);
      expect(Math.sign(compareDecimals(decimal(right), decimal(left)))).toBe(0 - expected);
    });

  it('as whole numbers of any size do, scaled by any power of ten', () => {
    const whole = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    const power = fc.integer({ min: -40, max: 40 });
    fc.assert(
      fc.property(whole, power, whole, power, (one, onePower, other, otherPower) => {
        const order = compareDecimals(decimal(`${one}e${onePower}`), decimal(`${other}e${otherPower}`));
        const [left, right] = [one * 10n ** BigInt(onePower + 40), other * 10n ** BigInt(otherPower + 40)];
        expect(Math.sign(order)).toBe(left < right ? -1 : left > right ? 1 : 0);
      }),
    );
  });

  it('in linear time', () => {
    const long = `${'0'.repeat(1)}.${'0'.repeat(2_000_000)}1${'0'.repeat(2_000_000)}1`;
    const begun = performance.now();
    expect(compareDecimals(decimal(long), decimal(long))).toBe(0);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});
