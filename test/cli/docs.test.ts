import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blocksOf, cellsOf, codeSpans, rowsOf } from '../docs/markdown.js';
import { headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const root = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(root, 'docs/cli.md'), 'utf8');
/** A command of the page, and what stands below it. */
const examples = blocksOf(text, 'console').flatMap(({ info, code, line }) =>
  code
    .split(/^\$ /m)
    .filter((one) => one !== '')
    .map((one) => {
      const end = one.indexOf('\n');
      return { info, line, command: one.slice(0, end), shown: one.slice(end + 1) };
    }),
);
/** Which row a row of the table refers to. */
const SAME_AS: Readonly<Record<string, string>> = {
  stream: 'streams',
  'namespace list': 'namespace create',
  'group list': 'group create',
};
const namespace = newSchemaName();
let service: RunningService;

beforeAll(async () => {
  const domain = path.join(root, 'dist/examples/bank/domain.js');
  service = await serve(['--namespace', namespace, '--domain', domain], urlOf(inject('connection')));
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  for (const schema of [namespace, 'cli_example'])
    await database.query('append', `DROP SCHEMA IF EXISTS "${schema}" CASCADE`, []);
  await database.close();
});

/** Runs it in a shell, and gives what a terminal would have shown. */
async function run(command: string): Promise<string> {
  const script = `headwater() { "$NODE" "$ENTRY" "$@"; }\n${command}`;
  const child = spawn('/bin/sh', ['-c', `exec 2>&1\n${script}`], {
    cwd: path.join(root, 'docs'),
    env: {
      ...process.env,
      NODE: process.execPath,
      ENTRY: path.join(root, 'bin/headwater.js'),
      DATABASE_URL: urlOf(inject('connection')),
      HEADWATER_ADDRESS: service.address,
      ...(/headwater (migrate|config)/.test(command) ? { HEADWATER_NAMESPACE: namespace } : {}),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? output : `${output}(exit ${code})\n`;
}

/** What is shown, as a pattern: `…` is anything, and any number of spaces are one. */
function pattern(shown: string): RegExp {
  const escaped = shown
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/ +/g, ' +'))
    .join('[^]*');
  return new RegExp(`^${escaped}$`);
}

describe('docs/cli.md', () => {
  it('has a section with an example for each command that --help lists', async () => {
    const { stdout } = await headwater(['--help']);
    const listed = [...(/\nCommands:\n([^]*?)\n\n/.exec(stdout)?.[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help');
    const told = [...text.matchAll(/^## headwater (\w+)$/gm)].map(([, name]) => name);
    expect(new Set(told)).toEqual(new Set(listed));
    expect(told).toHaveLength(listed.length);
    for (const name of listed)
      expect(
        examples.some(({ command }) => command.includes(`headwater ${name}`)),
        name,
      ).toBe(true);
  });

  it('runs all examples but those of commands that have tests of their own', () => {
    const left = examples.filter(({ info }) => info !== '').map(({ command }) => command);
    for (const command of left)
      expect(command).toMatch(/headwater (serve|tour|relay|token|role|access|audit)/);
  });

  it.each(examples.filter(({ info }) => info === ''))('line $line: $command', async ({ command, shown }) => {
    expect(await run(command)).toMatch(pattern(shown));
  });
});

describe('the table of what --json prints', () => {
  const rows = new Map(
    rowsOf(text.slice(text.indexOf('## What `--json` prints')))
      .map(cellsOf)
      .flatMap(([commands, prints]) => codeSpans(commands ?? '').map((command) => [command, prints ?? ''])),
  );

  it.each([
    ['append', 'append Json/1 Printed {} --json', ''],
    ['append --file', 'append --file - --json', '{"stream":"Json/1","event_type":"Printed"}'],
    ['append --show-intervening', 'append Json/1 Printed {} --expect 1 --show-intervening --json', ''],
    ['load', 'load --stream Json/1 --limit 1 --ndjson', ''],
    ['count', 'count --json', ''],
    ['streams', 'streams --limit 1 --json', ''],
    ['stream', 'stream Json 1 --json', ''],
    ['types', 'types --json', ''],
    ['log', 'log --json', ''],
    ['delete', 'delete Json 1 --json', ''],
    ['erase', 'erase Json 1 --yes --json', ''],
    ['namespace list', 'namespace list --json', ''],
    ['group create', 'group create json --json', ''],
    ['group list', 'group list --json', ''],
    ['group get', 'group get json --json', ''],
    ['group reset', 'group reset json --from-end --yes --json', ''],
    ['group delete', 'group delete json --yes --json', ''],
  ])('names the fields of %s', async (command, words, input) => {
    const { stdout, stderr } = await headwater([...words.split(' '), '--address', service.address], {
      input,
    });
    const [first = ''] = stdout.split('\n');
    const prints = rows.get(command)?.startsWith('the same')
      ? rows.get(SAME_AS[command] ?? '')
      : rows.get(command);
    const told = codeSpans(prints ?? '').filter((word) => /^[a-z_]+\??$/.test(word));
    const given = Object.keys(JSON.parse(first || '{}') as object);
    expect(
      told.map((word) => word.replace('?', '')),
      stderr,
    ).toEqual(expect.arrayContaining(given));
    expect(given).toEqual(expect.arrayContaining(told.filter((word) => !word.endsWith('?'))));
  });
});
