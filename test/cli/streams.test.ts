import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
const MANY = 1200;
let service: RunningService;
const run = (...args: readonly string[]) => headwater([...args, '--address', service.address]);
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const idsOf = (text: string) =>
  lines(text).map(({ stream }) => (stream as { aggregate_id: string }).aggregate_id);

beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  const { eventStore, close } = connect({ address: service.address });
  const event = (amount: number) => ({
    eventType: 'Opened',
    data: Buffer.from('{}'),
    contentType: 'application/json',
    metadata: { amount: String(amount), region: amount % 2 === 0 ? 'eu' : 'us' },
  });
  const append = (aggregateType: string, ids: readonly string[]) =>
    eventStore.append({
      streams: ids.map((aggregateId, index) => ({
        stream: { aggregateType, aggregateId },
        expectedVersion: 'NO_STREAM' as const,
        events: [event(index)],
      })),
    });
  const ids = Array.from({ length: MANY }, (_, index) => String(index).padStart(4, '0'));
  await append('Many', ids.slice(0, 600));
  await append('Many', ids.slice(600));
  await append('Account', ['1', '2', '3']);
  await append('Path/With', ['a/b']);
  await eventStore.deleteStream({
    stream: { aggregateType: 'Account', aggregateId: '2' },
    expectedVersion: 1n,
  });
  close();
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
  await database.close();
});

describe('streams', () => {
  it('lists all over several pages, each once, in order', async () => {
    const { code, stdout } = await run('streams', 'Many', '--json');
    expect(code).toBe(0);
    expect(idsOf(stdout)).toEqual(Array.from({ length: MANY }, (_, index) => String(index).padStart(4, '0')));
  });

  it('narrows by prefix, deletion and number', async () => {
    expect(idsOf((await run('streams', 'Many', '--prefix', '011', '--json')).stdout)).toEqual(
      Array.from({ length: 10 }, (_, index) => `011${index}`),
    );
    expect(idsOf((await run('streams', 'Account', '--json')).stdout)).toEqual(['1', '3']);
    expect(idsOf((await run('streams', '--deleted', '--json')).stdout)).toEqual(['2']);
    const all = await run('streams', 'Account', '--all', '--json');
    expect(lines(all.stdout)).toMatchObject([
      { version: '1', first_version: '1', retention: {} },
      { version: '2', deleted_at: expect.any(String) as string },
      {},
    ]);
    expect(idsOf((await run('streams', '--limit', '1005', '--json')).stdout)).toHaveLength(1005);
  });

  it('says so when there is none', async () => {
    expect((await run('streams', 'Nothing')).stdout).toBe('No streams match\n');
    expect((await run('streams', 'Nothing', '--json')).stdout).toBe('');
  });

  it.each([
    [['streams', '--prefix', 'x'], '--prefix x needs a type'],
    [['streams', '--deleted', '--all'], 'only one of them can stand'],
    [['streams', '--limit', '0'], 'whole number from 1'],
    [['streams', '$x'], 'reserved'],
    [['streams', '--namespace', 'No Such'], '--namespace "No Such" is no name of a namespace'],
    [['stream', 'Account'], '"Account" is only a type: name the id too, as Account 42 or Account/42'],
    [['load', '--metadata', 'x'], 'write key=value'],
    [['load', '--where', 'x'], 'is no comparison'],
    [['load', '--where', 'x ~ ('], 'missing closing )'],
    [['count', '--filter', '{"metadata":"x = 1"}'], 'must be a list of comparisons'],
    [['load', '--min-position', '1@'], '--min-position 1@ is no position'],
    [['load', '--min-position', '999999'], 'is not of this log'],
  ])('ends with 2 and says what is wrong: %j', async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('stream', () => {
  it('takes one word or two, and tells of deleted ones too', async () => {
    expect((await run('stream', 'Account/1')).stdout).toContain('shows    1 to 1');
    expect((await run('stream', 'Account', '2')).stdout).toMatch(/^deleted {2}2/m);
    const { stdout } = await run('stream', 'Path/With', 'a/b', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      stream: { aggregate_type: 'Path/With', aggregate_id: 'a/b' },
      version: '1',
    });
  });

  it('ends with 4 for one that never was', async () => {
    const { code, stderr } = await run('stream', 'Account', 'never');
    expect(code).toBe(4);
    expect(stderr).toContain('STREAM_NOT_FOUND');
  });
});

describe('types, count and log', () => {
  it('count what there is', async () => {
    expect(lines((await run('types', '--json')).stdout)).toEqual([
      { aggregate_type: 'Account', streams: '2', deleted_streams: '1', events: '4' },
      { aggregate_type: 'Many', streams: '1200', deleted_streams: '0', events: '1200' },
      { aggregate_type: 'Path/With', streams: '1', deleted_streams: '0', events: '1' },
    ]);
    expect(JSON.parse((await run('log', '--json')).stdout)).toMatchObject({ position: '1205', epoch: '1' });
    const count = async (...args: string[]) => (await run('count', ...args)).stdout.trim();
    expect(await count()).toBe('1205');
    expect(await count('--where', 'amount:number >= 590', '--where', 'region = eu')).toBe('10');
    expect(await count('--where', 'region ~ ^(e|x)', '--aggregate-type', 'Account')).toBe('2');
    expect(await count('--metadata', 'amount=599')).toBe('2');
    expect(await count('--filter', '{"metadata":["amount:number in 1,2"]}')).toBe('6');
    expect(await count('--stream', 'Account/2', '--include-deleted')).toBe('2');
    const { code } = await run('count', '--stream', 'Account/2');
    expect(code).toBe(4);
  });
});

describe('a reader that leaves', () => {
  it.each([
    ['streams', '--json'],
    ['load', '--ndjson'],
    ['tail', '--from-start', '--ndjson'],
  ])('ends %s quietly', async (...args) => {
    const entry = path.resolve(import.meta.dirname, '../../bin/headwater.js');
    const child = spawn('/bin/sh', ['-c', '"$@" | head -n 1', 'sh', process.execPath, entry, ...args], {
      env: { ...process.env, HEADWATER_ADDRESS: service.address },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(lines(output)).toHaveLength(1);
  });
});

describe('Ctrl-C', () => {
  it.each([['streams'], ['load'], ['erase', 'Account', '1', '--yes'], ['namespace', 'list']])(
    'ends %s while it waits for a service that does not answer',
    async (...args) => {
      const silent = net.createServer((socket) => socket.on('error', () => undefined));
      silent.listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as net.AddressInfo;
      const entry = path.resolve(import.meta.dirname, '../../bin/headwater.js');
      const child = spawn(process.execPath, [entry, ...args, '--address', `127.0.0.1:${port}`], {
        stdio: 'ignore',
      });
      const ended = once(child, 'close');
      await once(silent, 'connection');
      child.kill('SIGINT');
      expect(await ended).toEqual([130, null]);
      silent.close();
    },
  );
});
