import { describe, expect, it } from 'vitest';
import { shortTextBytes, writeShortAscii } from '../../src/core/short-text.js';

const TEXTS = [
  '',
  'a',
  'Account',
  '\u0000\u007f',
  '\u0080',
  'café',
  '€',
  '😀',
  '\ud800',
  'x'.repeat(64),
  'x'.repeat(65),
  'é'.repeat(65),
];

describe('a short text', () => {
  it.each(TEXTS)('%j takes as many bytes as in UTF-8', (text) => {
    expect(shortTextBytes(text)).toBe(Buffer.byteLength(text));
  });

  it.each(TEXTS)('%j is written if it is short and of ASCII only, and nothing beside it', (text) => {
    const out = Buffer.alloc(text.length + 4, 0xff);
    const isShortAscii = text.length <= 64 && Buffer.byteLength(text) === text.length;
    expect(writeShortAscii(text, out, 2)).toBe(isShortAscii);
    if (isShortAscii) expect(out.toString('latin1', 2, 2 + text.length)).toBe(text);
    expect([out[0], out[1], out.at(-2), out.at(-1)]).toEqual([0xff, 0xff, 0xff, 0xff]);
  });
});
