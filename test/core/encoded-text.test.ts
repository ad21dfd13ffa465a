import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodedText } from '../../src/core/encoded-text.js';

describe('an encoded text', () => {
  it('is what TextEncoder makes of it, and stays so whatever is encoded after it', () => {
    const texts = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'grapheme', minLength: 900, maxLength: 1100 }),
      ),
      { minLength: 20, maxLength: 60 },
    );
    fc.assert(
      fc.property(texts, (given) => {
        const encoded = given.map(encodedText);
        for (const [index, text] of given.entries())
          expect(Buffer.compare(encoded[index] ?? Buffer.from('?'), new TextEncoder().encode(text))).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('takes whatever has no UTF-8 as the encoder does', () => {
    expect(encodedText('a\ud800b')).toEqual(new TextEncoder().encode('a\ud800b'));
  });
});
