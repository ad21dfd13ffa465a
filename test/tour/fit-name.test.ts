import { describe, expect, it } from 'vitest';
import { escapePath } from '../../src/tour/git-text.js';
import { fitName } from '../../src/tour/fit-name.js';

describe('a name with a limit', () => {
  it('stays as it is up to the limit, in bytes', () => {
    expect(fitName('src/main.ts', 255)).toBe('src/main.ts');
    expect(fitName('é'.repeat(127), 254)).toBe('é'.repeat(127));
    expect(fitName('é'.repeat(127), 253)).not.toBe('é'.repeat(127));
  });

  it('keeps its beginning and is told apart by its hash beyond', () => {
    expect(fitName('a'.repeat(300), 40)).toBe('aaaaa%7E9835fa6bf4e20a9b9ea812506302e989');
    const one = fitName(`${'a'.repeat(300)}1`, 255);
    const two = fitName(`${'a'.repeat(300)}2`, 255);
    expect(one).not.toBe(two);
    expect(one).toBe(fitName(`${'a'.repeat(300)}1`, 255));
  });

  it('never exceeds the limit, nor is a character cut in two', () => {
    for (let limit = 40; limit < 60; limit += 1) {
      const name = fitName('x😀é字'.repeat(50), limit);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(limit);
      expect(Buffer.byteLength(name)).toBeGreaterThan(limit - 4);
      expect(name.isWellFormed()).toBe(true);
    }
  });

  it('is no other path, not even that of a file which is called so', () => {
    const shortened = fitName('a'.repeat(300), 255);
    expect(escapePath(Buffer.from(shortened))).not.toBe(shortened);
  });
});
