import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { blocksOf } from './markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const programs = readdirSync(path.join(root, 'test/polyglot'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(py|go|sh)$/.test(name))
  .map((name) => readFileSync(path.join(root, 'test/polyglot', name), 'utf8'));

it.each(['python', 'go', 'sh'])(
  'docs/polyglot.md shows %s only from the programs that are tested',
  (language) => {
    const blocks = blocksOf(readFileSync(path.join(root, 'docs/polyglot.md'), 'utf8'), language);
    expect(blocks.length).toBeGreaterThan(1);
    expect(
      blocks.map(({ code }) => code).filter((code) => !programs.some((text) => text.includes(code))),
    ).toEqual([]);
  },
);
