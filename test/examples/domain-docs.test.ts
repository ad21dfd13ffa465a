import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { bankInProcess } from '../../examples/bank/in-process.js';
import { systemRuntime } from '../../src/index.js';
import { createMemoryEventStore } from '../../src/testing/index.js';
import { shownButNotIn } from './shown.js';

const root = path.resolve(import.meta.dirname, '../..');
const pages = ['docs/commands.md', 'docs/aggregates.md', 'docs/policies.md'];
const examples = ['bank', 'registration', 'tenants'].flatMap((folder) =>
  readdirSync(path.join(root, 'examples', folder)).map((file) => `examples/${folder}/${file}`),
);
const tests = ['test/examples/bank-account.test.ts', 'test/examples/registration.test.ts'];

it.each(pages)('%s shows the examples as they are tested', (page) => {
  expect(shownButNotIn(page, [...examples, ...tests])).toEqual([]);
});

it.each(pages)('%s names files that exist', (page) => {
  for (const [, target] of readFileSync(path.join(root, page), 'utf8').matchAll(/\]\(([^)#]+)\)/g))
    expect(() => readFileSync(path.join(root, 'docs', target ?? '')), target).not.toThrow(/ENOENT/);
});

it('the bank in process decides, refuses, and tells how it was', async () => {
  const lines: string[] = [];
  await bankInProcess(createMemoryEventStore({ runtime: systemRuntime }), (line) => lines.push(line));
  expect(lines).toEqual([
    'at version 2',
    'INSUFFICIENT_FUNDS: There are only 100 in the account, {"balance":"100"}',
    '100 now, 0 then',
  ]);
});
