import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { cellsOf, codeSpans, rowsOf } from './markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

it('the import table of ARCHITECTURE.md is the one that is enforced', () => {
  const enforced = [
    ...read('test/architecture.test.ts').matchAll(/^ {2}'?([\w.]+)'?: \{\s*folders: \[([^\]]*)\]/gm),
  ].map(([, name = '', folders = '']) => [name, [...folders.matchAll(/'([^']+)'/g)].map(([, of]) => of)]);
  const told = rowsOf(read('ARCHITECTURE.md'))
    .map(cellsOf)
    .filter((cells) => cells.length === 3)
    .map(([name = '', , folders = '']) => [codeSpans(name)[0], folders.split(' ').filter((of) => of !== '')])
    .filter(([name]) => enforced.some(([known]) => known === name));
  expect(enforced.length).toBeGreaterThan(10);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(enforced));
});
