import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { headwater } from '../support/headwater.js';

const root = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(root, name), 'utf8');
const readme = read('README.md');

describe('the README', () => {
  it('shows the example as it is tested', () => {
    const shown = /```ts\n([^]*?)```/.exec(readme)?.[1];
    const example = read('examples/account.ts');
    expect(shown).toBe(
      example.slice(example.indexOf('import {')).replace("'../src/index.js'", "'headwater'"),
    );
  });

  it('names files that exist', () => {
    for (const [, target] of readme.matchAll(/\]\(([^)#]+)\)/g))
      if (!target?.startsWith('http'))
        expect(() => read(path.join(target ?? '', '')), target).not.toThrow(/ENOENT/);
  });

  it('links to nothing that the package lacks', () => {
    const { files, scripts } = JSON.parse(read('package.json')) as {
      files: readonly string[];
      scripts: Record<string, string>;
    };
    for (const [, target = ''] of readme.matchAll(/\]\(([^)#]+)\)/g))
      if (!target.startsWith('http'))
        expect(files, target).toContain(path.normalize(target).split('/')[0] ?? target);
    // Without it a package of a fresh clone has no dist.
    expect(scripts['prepack']).toBe(scripts['build']);
  });

  it('names commands that there are', async () => {
    const named = new Set([...readme.matchAll(/npx headwater (\w+)/g)].map(([, command]) => command ?? ''));
    expect(named.size).toBeGreaterThan(4);
    for (const command of named) expect((await headwater([command, '--help'])).code, command).toBe(0);
  });

  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, script] of readme.matchAll(/npm run (\w+)/g)) expect(scripts).toHaveProperty(script ?? '');
  });
});
