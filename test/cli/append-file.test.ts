import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { headwater, type RunningService, serve, spawnHeadwater, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const root = path.resolve(import.meta.dirname, '../..');
const schema = newSchemaName();
let service: RunningService;
let folder: string;

beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
  const scratch = path.join(root, '.headwater-test');
  mkdirSync(scratch, { recursive: true });
  folder = mkdtempSync(path.join(scratch, 'append-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

const linesOf = (type: string, count: number) =>
  Array.from(
    { length: count },
    (_, index) =>
      `${JSON.stringify({ stream: `${type}/${index % 50}`, event_type: 'A', data: index + 1 })}\n`,
  ).join('');

/** The numbers of the lines that are in the log, in log order. */
async function inLog(type: string): Promise<number[]> {
  const { stdout } = await headwater([
    'load',
    '--aggregate-type',
    type,
    '--ndjson',
    '--address',
    service.address,
  ]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number((JSON.parse(line) as { data: number }).data));
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

/** Starts an append of a file, and gives what it says when it is interrupted after some lines. */
async function interrupted(args: readonly string[], type: string, input?: string) {
  const child = spawnHeadwater([...args, '--address', service.address]);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdout?.resume();
  if (input !== undefined) child.stdin?.write(input);
  const closed = once(child, 'close') as Promise<[number | null]>;
  await expect
    .poll(async () => (await inLog(type)).length, { timeout: 20_000, interval: 20 })
    .toBeGreaterThan(0);
  child.kill('SIGINT');
  const [code] = await closed;
  return {
    code,
    stderr,
    last: Number(/lines 1 to (\d+) are in the log, and none behind them/.exec(stderr)?.[1]),
  };
}

describe('Ctrl-C during an append from a file', () => {
  it.each(['256', '1'])(
    'with --in-flight %s says which lines are in the log, and where to go on',
    async (inFlight) => {
      const type = `Big${inFlight}`;
      const file = path.join(folder, `${type}.ndjson`);
      writeFileSync(file, linesOf(type, 60_000));
      const { code, stderr, last } = await interrupted(
        ['append', '--file', file, '--in-flight', inFlight],
        type,
      );
      expect(code).toBe(130);
      expect(stderr).toContain(`to go on: tail -n +${last + 1} ${file} | headwater append --file -`);
      expect(last).toBeLessThan(60_000);
      expect(await inLog(type)).toEqual(upTo(last));
    },
    60_000,
  );

  it('does not wait for the next line of standard input', async () => {
    const { code, last } = await interrupted(
      ['append', '--file', '-', '--in-flight', '100'],
      'Piped',
      linesOf('Piped', 150),
    );
    expect(code).toBe(130);
    expect(last).toBe(150);
    expect(await inLog('Piped')).toEqual(upTo(150));
  }, 60_000);
});

describe('an append from a file whose results nobody reads any more', () => {
  async function intoHead(type: string, lines: number) {
    const file = path.join(folder, `${type}.ndjson`);
    writeFileSync(file, linesOf(type, lines));
    const script =
      '{ "$NODE" "$ENTRY" append --file "$FILE" --ndjson --in-flight 20; echo "exit $?" >&2; } | head -n 2';
    const child = spawn('/bin/sh', ['-c', script], {
      env: {
        ...process.env,
        NODE: process.execPath,
        ENTRY: path.join(root, 'bin/headwater.js'),
        FILE: file,
        HEADWATER_ADDRESS: service.address,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    await once(child, 'close');
    return stderr;
  }

  it('takes no more lines, says which are in the log, and fails', async () => {
    const stderr = await intoHead('Head', 20_000);
    const last = Number(/lines 1 to (\d+) are in the log, and none behind them/.exec(stderr)?.[1]);
    expect(stderr).toContain('Nobody reads the results any more');
    expect(stderr).toContain('exit 1');
    expect(last).toBeLessThan(20_000);
    expect(await inLog('Head')).toEqual(upTo(last));
  }, 60_000);

  it('ends with 0 if all lines were taken', async () => {
    expect(await intoHead('Short', 10)).toBe('exit 0\n');
    expect(await inLog('Short')).toEqual(upTo(10));
  }, 60_000);
});

describe('tail', () => {
  it('ends with 130 at Ctrl-C, quietly', async () => {
    await headwater(['append', 'Tailed/1', 'Happened', '--address', service.address]);
    const child = spawnHeadwater([
      'tail',
      '--from-start',
      '--aggregate-type',
      'Tailed',
      '--ndjson',
      '--address',
      service.address,
    ]);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const closed = once(child, 'close');
    if (child.stdout) await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await closed).toEqual([130, null]);
    expect(stderr).toBe('');
  }, 30_000);
});
