import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
const other = newSchemaName();
let service: RunningService;
const run = (args: readonly string[], env: Record<string, string> = {}) =>
  headwater(args, { env: { HEADWATER_ADDRESS: service.address, ...env } });

beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  for (const schema of [namespace, other])
    await database.query('append', `DROP SCHEMA IF EXISTS "${schema}" CASCADE`, []);
  await database.close();
});

describe('a namespace', () => {
  it('is created once, and holds a log of its own, by flag and by variable', async () => {
    expect((await run(['namespace', 'create', other])).stdout).toContain(`Namespace ${other} is there`);
    const again = await run(['namespace', 'create', other]);
    expect(again.code).toBe(3);
    expect(again.stderr).toContain('NAMESPACE_EXISTS');
    expect((await run(['append', 'Account/1', 'Opened', '--namespace', other])).code).toBe(0);
    expect((await run(['count', '--namespace', other])).stdout).toBe('1\n');
    expect((await run(['count'], { HEADWATER_NAMESPACE: other })).stdout).toBe('1\n');
    expect((await run(['count'])).stdout).toBe('0\n');
    const { stdout } = await run(['namespace', 'list', '--json']);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; default: boolean });
    expect(names).toContainEqual({ name: other, default: false });
    expect(names).toContainEqual({ name: namespace, default: true });
  });

  it('is dropped only when confirmed, and then is not there', async () => {
    const refused = await run(['namespace', 'drop', other]);
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain(`Namespace ${other} will be dropped with its 1 event (`);
    const dropped = await run(['namespace', 'drop', other, '--yes', '--json']);
    expect(JSON.parse(dropped.stdout)).toMatchObject({ name: other });
    for (const args of [
      ['load', '--namespace', other],
      ['namespace', 'drop', other, '--yes'],
    ]) {
      const { code, stderr } = await run(args);
      expect(code).toBe(4);
      expect(stderr).toContain('NAMESPACE_NOT_FOUND');
    }
  });

  it.each([[['--yes']], [[]]])(
    'that is the default one cannot be dropped, which is said before it is asked: %j',
    async (flags) => {
      const { code, stderr } = await run(['namespace', 'drop', namespace, ...flags]);
      expect(code).toBe(2);
      expect(stderr).toContain('cannot be dropped: it is the default namespace');
      expect((await run(['count'])).stdout).toBe('0\n');
    },
  );

  it.each([
    [['namespace', 'create', 'Upper'], {}, '"Upper" is no name of a namespace'],
    [['namespace', 'drop', 'a-b', '--yes'], {}, '"a-b" is no name of a namespace'],
    [['load'], { HEADWATER_NAMESPACE: 'A B' }, 'HEADWATER_NAMESPACE "A B" is no name'],
    [['load'], { HEADWATER_ADDRESS: 'http://x' }, 'HEADWATER_ADDRESS http://x is no address'],
    [['namespace', 'rename'], {}, "unknown command 'rename'"],
  ] as const)('ends with 2 and says what is wrong: %j', async (args, env, message) => {
    const { code, stderr } = await run(args, env);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it.each(['create', 'list', 'drop'])('has help with examples for %s', async (command) => {
    expect((await run(['namespace', command, '--help'])).stdout).toMatch(
      /Examples:\n {2}headwater namespace/,
    );
  });
});
