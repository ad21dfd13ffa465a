import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cellsOf, codeSpans, rowsOf } from './markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const LAST = { A: 16, B: 9, C: 7, D: 13, E: 12, F: 9, H: 10 };
const IDS = Object.entries(LAST).flatMap(([letter, last]) =>
  Array.from({ length: last }, (_, index) => `${letter}${index + 1}`),
);

const rows = rowsOf(readFileSync(path.join(root, 'docs/features.md'), 'utf8'))
  .map(cellsOf)
  .filter(([id]) => id !== 'id' && !/^-+$/.test(id ?? ''))
  .map(([id = '', state = '', tests = '', notes = '', ...more]) => ({ id, state, tests, notes, more }));

describe('docs/features.md', () => {
  it('has one row for each id, in order, and no other', () => {
    expect(rows.map(({ id }) => id)).toEqual(IDS);
    expect(rows.filter(({ more }) => more.length > 0)).toEqual([]);
  });

  it('has no state but works, partly and later', () => {
    for (const { id, state } of rows) expect(['works', 'partly', 'later'], id).toContain(state);
  });

  it('names tests that exist for all that works, wholly or partly', () => {
    for (const { id, state, tests } of rows) {
      const named = codeSpans(tests);
      expect(named.length > 0, id).toBe(state !== 'later');
      for (const file of named) {
        expect(file, id).toMatch(/^test\//);
        expect(existsSync(path.join(root, file)), `${id} names ${file}`).toBe(true);
      }
      if (state === 'works') for (const file of named) expect(file, id).toMatch(/\.test\.ts$/);
    }
  });

  it('says what is missing where something is', () => {
    for (const { id, state, notes } of rows) {
      expect(notes, id).not.toBe('');
      if (state === 'partly') expect(notes, id).toMatch(/Missing: /);
    }
  });
});
