import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExpectedVersion, expectedVersionHolds } from '../../src/core/expected-version.js';

describe('an expected version', () => {
  const cases: readonly [ExpectedVersion, bigint, boolean][] = [
    ['ANY', 0n, true],
    ['ANY', 7n, true],
    ['NO_STREAM', 0n, true],
    ['NO_STREAM', 1n, false],
    ['STREAM_EXISTS', 0n, false],
    ['STREAM_EXISTS', 1n, true],
    [1n, 0n, false],
    [2n ** 53n + 1n, 2n ** 53n, false],
    [2n ** 53n + 1n, 2n ** 53n + 1n, true],
  ];
  for (const [expected, actual, holds] of cases)
    it(`${expected} ${holds ? 'holds' : 'does not hold'} at ${actual}`, () =>
      expect(expectedVersionHolds(expected, actual)).toBe(holds));

  it('that is exact holds at that version alone', () => {
    const version = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(version, version, (expected, actual) => {
        expect(expectedVersionHolds(expected, expected)).toBe(true);
        expect(expectedVersionHolds(expected, actual)).toBe(expected === actual);
      }),
    );
  });
});
