import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { argumentsOf, SUITES } from './support/suites.js';

const root = path.resolve(import.meta.dirname, '..');
const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => path.relative(root, path.join(import.meta.dirname, file)));

/** Whether vitest runs a file for these arguments: one of the words is part of its path, and it is not excluded. */
function runs(words: readonly string[], file: string): boolean {
  const excluded = words.filter((_, index) => words[index - 1] === '--exclude');
  const wanted = words.filter((word) => !word.startsWith('--') && !excluded.includes(word));
  const isExcluded = excluded.some((one) =>
    one.endsWith('/**') ? file.startsWith(one.slice(0, -2)) : file === one,
  );
  return wanted.some((part) => file.includes(part)) && !isExcluded;
}

describe('the suites of npm test', () => {
  it('run each file once', () => {
    const suitesOf = (file: string) =>
      SUITES.filter((suite) => runs(argumentsOf(suite), file)).map(({ name }) => name);
    expect(files.length).toBeGreaterThan(200);
    expect(files.filter((file) => suitesOf(file).length !== 1).map((file) => [file, suitesOf(file)])).toEqual(
      [],
    );
  });

  it('name files and folders that there are', () => {
    const named = SUITES.flatMap((suite) => suite.files);
    expect(named.filter((one) => !files.some((file) => file.startsWith(one)))).toEqual([]);
  });
});
