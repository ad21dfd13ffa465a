import { readFileSync } from 'node:fs';
import path from 'node:path';
import { blocksOf } from '../docs/markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** The TypeScript that a page shows and that is in none of the examples; none, as the examples are what is tested. */
export function shownButNotIn(page: string, examples: readonly string[]): readonly string[] {
  const tested = examples.map((file) => read(file).replaceAll(/'(\.\.\/)+src\/index\.js'/g, "'headwater'"));
  const blocks = blocksOf(read(page), 'ts');
  if (blocks.length === 0) throw new Error(`${page} shows no code`);
  return blocks.map(({ code }) => code).filter((code) => !tested.some((text) => text.includes(code)));
}

/** The JavaScript that a page shows. */
export function modulesIn(page: string): readonly string[] {
  return blocksOf(read(page), 'js').map(({ code }) => code);
}
