import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareUtf8 } from '../../src/core/utf8-order.js';

it('orders texts as their bytes in UTF-8 are ordered', () => {
  const character = fc.oneof(
    fc.constantFrom(
      '',
      'a',
      'b',
      '\u0000',
      'é',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '😀',
      '\u{10000}',
      '\u{10ffff}',
    ),
    fc.string({ unit: 'binary', maxLength: 1 }),
  );
  const text = fc.array(character, { maxLength: 5 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (left, right) => {
      expect(Math.sign(compareUtf8(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
    }),
    { numRuns: 2000 },
  );
});

it('puts what is beyond U+FFFF behind U+FFFF, where UTF-16 has it in front', () => {
  const [last, beyond] = ['\uffff', '😀'];
  expect([last, beyond].sort()).toEqual([beyond, last]);
  expect([beyond, last].sort(compareUtf8)).toEqual([last, beyond]);
});
