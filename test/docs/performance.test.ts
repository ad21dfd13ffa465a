import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readmeWith } from '../../bench/docs/readme-table.js';
import { renderDocs } from '../../bench/docs/render.js';
import { readResult } from '../../bench/result.js';

const root = path.resolve(import.meta.dirname, '../..');
const docs = path.join(root, 'docs');
const result = await readResult(path.join(docs, 'performance/result.json'));
const AGAIN = 'npm run bench -- --docs --from docs/performance/result.json';

describe('docs/performance.md', () => {
  it(`is what its result says, plots included; ${AGAIN} writes it`, () => {
    const files = renderDocs(result, 'performance');
    for (const [file, text] of files) expect(readFileSync(path.join(docs, file), 'utf8'), file).toBe(text);
    expect(
      readdirSync(path.join(docs, 'performance'))
        .map((file) => `performance/${file}`)
        .toSorted(),
    ).toEqual([...files.keys()].filter((file) => file !== 'performance.md').toSorted());
  });

  it('has its ratios in the README', () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    expect(readme).toBe(readmeWith(result.rows, readme));
  });

  it('links to files that exist', () => {
    const page = readFileSync(path.join(docs, 'performance.md'), 'utf8');
    const targets = [...page.matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => target ?? '');
    expect(targets.length).toBeGreaterThan(3);
    expect(targets.filter((target) => !existsSync(path.join(docs, target)))).toEqual([]);
  });

  it('names settings that there are', () => {
    const page = readFileSync(path.join(docs, 'performance.md'), 'utf8');
    const table = /\*\*Settings of the service\*\*[^]*?\*\*Settings of Postgres/.exec(page)?.[0] ?? '';
    const named = [...table.matchAll(/`(\w+)`/g)]
      .map(([, name]) => name ?? '')
      .filter((name) => /[a-z]/.test(name));
    expect(named.length).toBeGreaterThan(4);
    const configuration = readFileSync(path.join(docs, 'configuration.md'), 'utf8');
    for (const name of named) expect(configuration).toContain(`| \`${name}\` |`);
  });
});
