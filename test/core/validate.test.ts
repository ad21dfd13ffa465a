import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidRequestError } from '../../src/core/errors.js';
import { nameProblem, textProblem, typeNameProblem, utf8Bytes, Violations } from '../../src/core/validate.js';

const wellFormed = fc.string({ unit: 'binary', maxLength: 300 });
const anyUnits = fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units));

describe('the bytes of a string in UTF-8', () => {
  it('are what Node encodes', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a name', () => {
  it('is good if it has 1 to 255 bytes, no control character and no lone surrogate', () => {
    fc.assert(
      fc.property(fc.oneof(wellFormed, anyUnits), (name) => {
        const bytes = Buffer.byteLength(name);
        const good = bytes >= 1 && bytes <= 255 && !/\p{Cc}/u.test(name) && name.isWellFormed();
        expect(nameProblem(name) === undefined).toBe(good);
      }),
      { numRuns: 1000 },
    );
  });

  it('may fill 255 bytes, and no more, whatever its characters take', () => {
    for (const [character, most] of [
      ['x', 255],
      ['é', 127],
      ['€', 85],
      ['😀', 63],
    ] as const) {
      expect(nameProblem(character.repeat(most))).toBeUndefined();
      expect(nameProblem(character.repeat(most + 1))).toMatch(/^is \d+ bytes long, the limit is 255$/);
    }
  });

  it('is refused with the character that it must not hold', () => {
    expect(nameProblem('a\u0007b')).toBe('holds the control character U+0007');
    expect(nameProblem('a\u0085')).toBe('holds the control character U+0085');
    expect(nameProblem('\ud800')).toMatch(/lone surrogate/);
    expect(nameProblem('')).toBe('must not be empty');
  });

  it('of a type may have a $ anywhere but in front', () => {
    expect(typeNameProblem('US$')).toBeUndefined();
    expect(typeNameProblem('$deleted')).toMatch(/reserved/);
    expect(nameProblem('$deleted')).toBeUndefined();
  });
});

describe('a text', () => {
  it('may hold anything but NUL and lone surrogates', () => {
    fc.assert(
      fc.property(fc.oneof(wellFormed, anyUnits), (text) => {
        const good = !text.includes('\0') && text.isWellFormed();
        expect(textProblem(text) === undefined).toBe(good);
      }),
      { numRuns: 1000 },
    );
    expect(textProblem('')).toBeUndefined();
  });
});

describe('violations', () => {
  it('are thrown together, the first ten by name and all by number', () => {
    const violations = new Violations();
    expect(() => violations.throwIfAny()).not.toThrow();
    expect(violations.none).toBe(true);
    for (let number = 1; number <= 12; number++) violations.add(`field_${number}`, 'is wrong');
    expect(violations.none).toBe(false);
    const thrown = (() => {
      try {
        violations.throwIfAny();
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(InvalidRequestError);
    expect(thrown).toMatchObject({
      count: 12,
      outcome: 'NOT_APPLIED',
      message: 'field_1: is wrong (and 11 more)',
      violations: Array.from({ length: 10 }, (_, index) => ({
        field: `field_${index + 1}`,
        description: 'is wrong',
      })),
    });
  });
});
