import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headwater } from '../support/headwater.js';
import { serveTill, type TillService } from './till-service.js';

const ENTRY = path.resolve(import.meta.dirname, '../../bin/headwater.js');

let service: TillService;
const json = async (args: readonly string[]) =>
  JSON.parse((await service.run([...args, '--json'])).stdout) as Record<string, unknown>;

beforeAll(async () => {
  service = await serveTill();
  for (const args of [
    ['command', 'OpenTill', 'a', '{"shop":"7"}'],
    ['command', 'PutIn', 'a', '{"amount":5}'],
    ['command', 'OpenTill', 'b', '{"shop":"7"}'],
    ['command', 'PutIn', 'a', '{"amount":3}'],
    ['command', 'OpenTill', 'gone', '{"shop":"8"}'],
    ['delete', 'Till/gone'],
    ['append', 'Other/1', 'Done', '{"n":1}'],
  ])
    expect(await service.run(args)).toMatchObject({ code: 0 });
});
afterAll(() => service.close());

describe('aggregate get', () => {
  it('prints what is known of an aggregate, and its state', async () => {
    const { code, stdout } = await service.run(['aggregate', 'get', 'Till', 'a']);
    expect(stdout).toMatch(
      /^aggregate {2}Till\/a\nversion {4}3\ncreated {4}20\S+Z\nupdated {4}20\S+Z\ndeleted {4}no\nstate {6}\{\n {13}"shop": "7",\n {13}"amount": 8\n {11}\}\n$/,
    );
    expect(code).toBe(0);
  });

  it('prints it as it was at a version, a position and a time', async () => {
    const was = { version: '2', exists: true, deleted: false, state: { shop: '7', amount: 5 } };
    const at = await json(['aggregate', 'get', 'Till/a', '--at-version', '2']);
    expect(at).toMatchObject(was);
    expect(await json(['aggregate', 'get', 'Till/a', '--at-position', '3'])).toMatchObject(was);
    const then = ['aggregate', 'get', 'Till/a', '--at-time', String(at['updated_at'])];
    expect(await json(then)).toMatchObject(was);
  });

  it('prints the events where nobody folds them', async () => {
    const { code, stdout } = await service.run(['aggregate', 'get', 'Other/1']);
    expect(stdout).toMatch(
      /state {6}not folded, since no domain in the service knows how; its events:\nposition[^\n]+\n7 .+Other\/1 +1 +Done +\{"n":1\}\n$/,
    );
    expect(code).toBe(0);
    const told = await json(['aggregate', 'get', 'Other/1']);
    expect(told).toMatchObject({ version: '1', events: [{ event_type: 'Done', data: { n: 1 } }] });
    expect(told).not.toHaveProperty('state');
  });

  it('tells of a deleted one only when it is asked to', async () => {
    const { code, stderr } = await service.run(['aggregate', 'get', 'Till', 'gone']);
    expect(stderr).toContain('(STREAM_DELETED)');
    expect(code).toBe(4);
    expect(await json(['aggregate', 'get', 'Till', 'gone', '--include-deleted'])).toMatchObject({
      exists: false,
      deleted: true,
    });
  });

  it.each([
    [['get', 'Till', 'nobody'], 4, 'Stream Till nobody does not exist'],
    [['get', 'Till/a', '--at-version', '9'], 2, 'version: '],
    [['get', 'Till'], 2, 'is only a type: name the id too'],
    [['get', 'Till/a', '--at-version', '0'], 2, 'whole number from 1'],
    [['get', 'Till/a', '--at-version', '1', '--at-time', '1h'], 2, 'only one can stand'],
    [['get', 'Till/a', '--at-time', 'yesterday'], 2, 'is no time'],
    [['get', 'Till/a', '--min-position', 'x'], 2, 'is no position'],
    [['list', 'Till', '--all', '--deleted'], 2, 'only one of them can stand'],
    [['snapshots', 'remove'], 2, "unknown command 'remove'"],
    [['gett'], 2, '(Did you mean get?)'],
  ])('headwater aggregate %j ends with %i and says what is wrong', async (args, exit, message) => {
    const { code, stderr } = await service.run(['aggregate', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(exit);
  });
});

describe('aggregate list', () => {
  it('lists those of a type by id, deleted ones when it is asked to', async () => {
    const ids = async (...flags: string[]) =>
      (await service.run(['aggregate', 'list', 'Till', '--json', ...flags])).stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { aggregate: { aggregate_id: string } }).aggregate.aggregate_id);
    expect(await ids()).toEqual(['a', 'b']);
    expect(await ids('--all')).toEqual(['a', 'b', 'gone']);
    expect(await ids('--deleted')).toEqual(['gone']);
    expect(await ids('--limit', '1')).toEqual(['a']);
  });

  it('prints a table, or says that there are none', async () => {
    const { stdout } = await service.run(['aggregate', 'list', 'Till', '--all']);
    expect(stdout).toMatch(
      /^id +version +created +updated +deleted\na +3 +20.+\nb +1 +20.+\ngone +2 +20.+yes\n$/,
    );
    expect((await service.run(['aggregate', 'list', 'Nothing'])).stdout).toBe('No aggregates match\n');
  });
});

describe('aggregate watch', () => {
  /** Starts it, and gives what it printed when it has ended; `afterLines` is called with each number of lines. */
  async function watch(args: readonly string[], afterLines: (lines: number, kill: () => void) => unknown) {
    const words = [ENTRY, 'aggregate', 'watch', ...args, '--address', service.address];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    let told = 0;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      for (; told < stdout.split('\n').length - 1; ) afterLines((told += 1), () => child.kill('SIGINT'));
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout };
  }

  it('prints the state, and again after each change, until it has printed as many as it was asked for', async () => {
    const { code, stdout } = await watch(['Till', 'w', '--ndjson', '--limit', '3'], (lines) => {
      if (lines === 1) void service.run(['command', 'OpenTill', 'w', '{"shop":"1"}']);
      if (lines === 2) void service.run(['command', 'PutIn', 'w', '{"amount":2}']);
    });
    const states = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(states).toMatchObject([
      { version: '0', exists: false },
      { version: '1', exists: true, state: { shop: '1', amount: 0 } },
      { version: '2', exists: true, state: { shop: '1', amount: 2 } },
    ]);
    expect(code).toBe(0);
  });

  it('ends with 130 at Ctrl-C, as every command does', async () => {
    const { code, stdout } = await watch(['Till/a'], (lines, kill) => {
      if (lines === 2) kill();
    });
    expect(stdout).toMatch(
      /^position +version +updated +state\n\d+ +3 +20\S+ \S+ +\{"shop":"7","amount":8\}\n$/,
    );
    expect(code).toBe(130);
  });

  it('ends quietly when nobody reads any more', async () => {
    const script = `"$0" "$1" aggregate watch Till/h --ndjson --address "$2" | head -n 1`;
    const child = spawn('/bin/sh', ['-c', script, process.execPath, ENTRY, service.address], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      // What is printed next finds nobody.
      void service
        .run(['command', 'OpenTill', 'h', '{"shop":"1"}'])
        .then(() => service.run(['command', 'PutIn', 'h', '{"amount":1}']));
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    await once(child, 'close');
    expect(output.split('\n')).toHaveLength(2);
    expect(stderr).toBe('');
  });
});

describe('aggregate snapshots delete', () => {
  it('throws them away without asking, since the events tell the same', async () => {
    const get = ['aggregate', 'get', 'Till', 'a'];
    const before = await json(get);
    const { code, stdout } = await service.run(['aggregate', 'snapshots', 'delete', 'Till', 'a']);
    expect(stdout).toBe('1 snapshot of Till/a thrown away\n');
    expect(code).toBe(0);
    expect(await json(['aggregate', 'snapshots', 'delete', 'Till/a'])).toEqual({ deleted: '0' });
    expect(await json(get)).toEqual(before);
  });
});

it('all have help with examples', async () => {
  const helps = [[], ['get'], ['list'], ['watch'], ['snapshots'], ['snapshots', 'delete']];
  const shown = await Promise.all(helps.map((args) => headwater(['aggregate', ...args, '--help'])));
  for (const [index, { code, stdout }] of shown.entries()) {
    expect(stdout).toContain(`Examples:\n  headwater aggregate ${helps[index]?.[0] ?? 'get'}`);
    expect(code).toBe(0);
  }
});
