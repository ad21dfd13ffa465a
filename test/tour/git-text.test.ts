import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapePath } from '../../src/tour/git-text.js';

/** As documented: each `%XX` is its byte, all else is UTF-8. */
function unescapePath(path: string): Buffer {
  const parts = path.split(/(%[0-9A-Fa-f]{2})/);
  const bytes = parts.map((part, at) =>
    at % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part),
  );
  return Buffer.concat(bytes);
}

describe('escaping a path', () => {
  it('reads as its example says', () => {
    expect(escapePath(Buffer.from('100% café'))).toBe('100% café');
    expect(escapePath(Buffer.from('a\nb'))).toBe('a%0Ab');
    expect(escapePath(Buffer.from('a%0Ab'))).toBe('a%250Ab');
    expect(escapePath(Buffer.from('caf\xe9', 'latin1'))).toBe('caf%E9');
  });

  it('can be undone for any bytes, and leaves no control character', () => {
    const awkward = fc.constantFrom(0x25, 0x34, 0x41, 0x0a, 0x7f, 0x80, 0xc2, 0xe2, 0xed, 0xf0, 0xff, 0x61);
    const bytes = fc.array(fc.oneof(awkward, fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 24,
    });
    fc.assert(
      fc.property(bytes, (numbers) => {
        const path = escapePath(Buffer.from(numbers));
        expect(path).not.toMatch(/\p{Cc}/u);
        expect(path.isWellFormed?.() ?? true).toBe(true);
        expect([...unescapePath(path)]).toEqual(numbers);
      }),
      { numRuns: 5000 },
    );
  });
});
