import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type CommandResult, headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
const accessNamespace = newSchemaName();
const folder = mkdtempSync(path.join(tmpdir(), 'access-'));
const accessFile = path.join(folder, 'access.json');
const FILE = {
  rules: [
    { name: 'admins', roles: ['admin'], actions: ['*'] },
    {
      name: 'orders',
      roles: ['reader'],
      scopes: ['namespace'],
      actions: ['read'],
      streams: [{ aggregateType: 'Order' }],
    },
  ],
  principals: { otto: [{ role: 'admin', scope: 'system' }] },
};
let service: RunningService;
let root: string;

beforeAll(async () => {
  writeFileSync(accessFile, JSON.stringify(FILE));
  const databaseUrl = urlOf(inject('connection'));
  const first = ['token', 'first', 'root', '--binding', 'admin@system'];
  const where = { DATABASE_URL: databaseUrl, HEADWATER_ACCESS_NAMESPACE: accessNamespace };
  root = (await headwater(first, { env: where })).stdout.trim();
  service = await serve(
    ['--namespace', namespace, '--access-namespace', accessNamespace, '--access-file', accessFile],
    databaseUrl,
  );
});
afterAll(async () => {
  await service.kill('SIGTERM');
  rmSync(folder, { recursive: true });
  const database = openDatabase();
  for (const schema of [namespace, accessNamespace])
    await database.query('append', `DROP SCHEMA IF EXISTS "${schema}" CASCADE`, []);
  await database.close();
});

const run = (words: string, token = root): Promise<CommandResult> =>
  headwater(words.split(' '), { env: { HEADWATER_ADDRESS: service.address, HEADWATER_TOKEN: token } });
/** Without what only lines the columns up. */
const cells = (stdout: string) => stdout.trim().replaceAll(/ {2,}/g, ' | ').split('\n');
const lines = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a token', () => {
  it('is made, let in, listed without what makes it good, and revoked', async () => {
    const made = await run('token create export --as exporter --binding reader@namespace --valid-for 1h');
    expect(made.stderr).toBe('');
    expect(made.stdout).toMatch(/^hw_[0-9a-f]{18}_[\w-]{43}\n$/);
    const token = made.stdout.trim();
    const tokenId = token.split('_')[1] ?? '';
    expect(await run('count', token)).toMatchObject({ code: 0, stdout: '0\n' });
    expect(await run('append Order/1 Placed {}', token)).toMatchObject({ code: 7, stdout: '' });

    const listed = await run('token list');
    expect(cells(listed.stdout)[0]).toBe('token | principal | name | bindings | made | by | state');
    expect(listed.stdout).toMatch(
      new RegExp(`^${tokenId}  exporter +export +reader@namespace  .{23}  root +good until `, 'm'),
    );
    expect(listed.stdout).not.toContain(token.split('_').slice(2).join('_'));

    expect((await run(`token revoke ${tokenId}`)).stdout).toMatch(
      `Token ${tokenId} of exporter with reader@namespace: revoked `,
    );
    const refused = await run('count', token);
    expect(refused).toMatchObject({ code: 7, stdout: '' });
    expect(refused.stderr).toContain('The token was revoked');
    const ended = lines((await run('token list --all --json')).stdout);
    expect(ended).toContainEqual(
      expect.objectContaining({
        token_id: tokenId,
        principal: 'exporter',
        bindings: [{ role: 'reader', scope: 'namespace' }],
        created_by: 'root',
        revoked_at: expect.any(String) as string,
      }),
    );
  });
});

describe('a role', () => {
  it('is given once and taken back once, and is listed with those of the file', async () => {
    expect((await run('role grant ada reader@namespace')).stdout).toBe('ada has reader@namespace now\n');
    expect((await run('role grant ada reader@namespace')).stdout).toBe('ada has reader@namespace already\n');
    expect(cells((await run('role list')).stdout)).toEqual([
      'principal | role | given | by',
      expect.stringMatching(/^ada \| reader@namespace \| .{23} \| root$/),
      'otto | admin@system | the access file',
    ]);
    const revoked = await run('role revoke ada reader@namespace --json');
    expect(JSON.parse(revoked.stdout)).toEqual({
      principal: 'ada',
      binding: { role: 'reader', scope: 'namespace' },
      changed: true,
    });
    expect(await run('role list --principal ada')).toMatchObject({ code: 0, stdout: 'No roles match\n' });
  });
});

describe('questions to the rules', () => {
  it('tell which rules there are, who can, and why', async () => {
    expect(cells((await run('access rules')).stdout)).toEqual([
      'rule | roles | scopes | may | in | of',
      'admins | admin | * | * | * | *',
      'orders | reader | namespace | read | * | Order/*',
    ]);
    expect(cells((await run('access who-can load --stream Order/1')).stdout)).toEqual([
      'rule | roles | scopes',
      'admins | admin | *',
      'orders | reader | namespace',
      '',
      'Known principals: otto, root',
    ]);
    expect((await run('access explain load --principal eve --binding reader@namespace')).stdout).toBe(
      `eve may load in ${namespace} by orders, and sees Order/*\n`,
    );
    expect(JSON.parse((await run('access explain append --principal eve --json')).stdout)).toEqual({
      allowed: false,
      summary: `eve may not append in ${namespace}: they have no role`,
      rules: [],
      only: [],
    });
  });
});

describe('the audit', () => {
  it('tells people and programs who did what', async () => {
    const token = (await run('token create eve --binding reader@namespace')).stdout.trim();
    expect(await run('load --stream Audited/1', token)).toMatchObject({ code: 7 });
    const told = async () => (await run('audit --from 1h --stream Audited/1 --refused')).stdout;
    await expect.poll(told, { timeout: 15_000 }).toContain('eve');
    const [head, entry, ...more] = cells(await told());
    expect(head).toBe('time | who | did | to | in | verdict | times | from | because');
    expect(entry).toContain(`eve (token) | load | Audited/1 | ${namespace} | refused`);
    expect(more).toEqual([]);
    const [made] = lines((await run('audit --principal root --limit 1 --json')).stdout);
    expect(made).toMatchObject({ principal: 'root', action: 'read-audit', allowed: true, because: 'admins' });
  });
});

describe('check-file', () => {
  const check = (content: string) => {
    const file = path.join(folder, 'checked.json');
    writeFileSync(file, content);
    return headwater(['access', 'check-file', file]);
  };

  it('tells what is in a good file, and which roles no rule is for', async () => {
    const principals = { ada: [{ role: 'admni', scope: 'system' }] };
    const { code, stdout } = await check(JSON.stringify({ ...FILE, principals }));
    expect(stdout).toContain(' is good: 2 rules, 1 principal, 0 certificates\n');
    expect(stdout).toContain('No rule is for the role admni (principals.ada)\n');
    expect(code).toBe(0);
  });

  it('tells what is wrong, and where', async () => {
    const rule = { name: 'r', roles: ['a'], actions: ['apend'] };
    const { code, stderr } = await check(JSON.stringify({ rules: [FILE.rules[0], rule] }));
    expect(stderr).toContain('is "apend", which is no action and no group of actions');
    expect(stderr).toContain('rules[1].actions[0]');
    expect(code).toBe(2);
  });
});

it('what is used wrongly ends with 2, and is told what is wrong', async () => {
  const wrong = [
    ['token create x', '--binding says what the token is bound to'],
    ['token create x --binding reader', '--binding "reader" is none: write role@scope'],
    ['token revoke hw_1_2', 'That is a token itself'],
    ['role grant ada reader', 'The role "reader" is none: write role@scope'],
    ['access explain apend', '"apend" is no action. There are: append, '],
    ['access who-can load --stream A/1 --type A', 'It is done to one thing'],
    ['audit --from yesterday', '"yesterday" is no time'],
  ];
  await Promise.all(
    wrong.map(async ([words = '', message = '']) => {
      const { code, stderr } = await run(words);
      expect(stderr).toContain(message);
      expect(code, words).toBe(2);
    }),
  );
});

it('all have help with examples', async () => {
  const commands = ['token', 'token create', 'role', 'role grant', 'access', 'access explain', 'audit'];
  const helps = commands.map((command) => headwater([...command.split(' '), '--help']));
  for (const { stdout } of await Promise.all(helps)) expect(stdout).toMatch(/Examples:\n {2}headwater /);
});
