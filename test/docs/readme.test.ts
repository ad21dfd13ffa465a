import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { headwater, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { blocksOf } from './markdown.js';

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
    const { stdout } = await headwater(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+)/gm)].map(([, command]) => command);
    for (const command of named) expect(listed, command).toContain(command);
  });

  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, script] of readme.matchAll(/npm run (\w+)/g)) expect(scripts).toHaveProperty(script ?? '');
  });

  it('tells what commands answer', async () => {
    const namespace = newSchemaName();
    const domain = path.join(root, 'dist/examples/bank/domain.js');
    const service = await serve(['--namespace', namespace, '--domain', domain], urlOf(inject('connection')));
    onTestFinished(async () => {
      await service.kill('SIGTERM');
      const database = openDatabase();
      await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
      await database.close();
    });
    const block = blocksOf(readme, 'sh').find(({ code }) => code.includes('npx headwater command'));
    const steps = (block?.code ?? '').split(/^\$ /m).slice(1);
    expect(steps.length).toBeGreaterThan(3);
    // The event that stands in the log from the steps before.
    await run(`npx headwater append Account/42 AccountOpened '{"owner":"ada"}'`, service.address);
    for (const step of steps) {
      const [command = '', ...answer] = step.trimEnd().split('\n');
      expect(comparable(await run(command, service.address)), command).toBe(comparable(answer.join('\n')));
    }
  });
});

/** What a line of the README prints, run by a shell. */
function run(line: string, address: string): Promise<string> {
  const script = line.replace(
    'npx headwater',
    `"${process.execPath}" "${path.join(root, 'bin/headwater.js')}"`,
  );
  const env = { ...process.env, HEADWATER_ADDRESS: address };
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', script], { env }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}

/** Without what is another each time: ids, and how wide they make a column. */
function comparable(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/ +$/gm, '')
    .trim();
}
