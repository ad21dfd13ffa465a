import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderDocs } from '../../bench/docs/render.js';
import { readResult, type Result } from '../../bench/result.js';

// Built before the tests run. They look at the form, and never at a figure.
const root = path.resolve(import.meta.dirname, '../..');
const main = path.join(root, 'dist/bench/main.js');
const run = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args], { cwd: root });
const scratches = async () =>
  (await readdir(path.join(root, '.headwater-test')).catch(() => [])).filter((name) =>
    name.startsWith('bench-'),
  );

/** Floors of all parts together, by their rows. */
const COMPOSED = [
  ['S1', 'grpc-js and COPY together, without any guarantee'],
  ['S3', 'grpc-js and INSERT together, without any guarantee: median'],
  ['S4', 'grpc-js and COPY together, its bytes sent as they are'],
] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headwater-bench-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a short run of all rows but the longest', () => {
  let listed: readonly { readonly id: string; readonly runs: string | undefined }[];
  let ids: readonly string[];
  let stdout: string;
  let stderr: string;
  let result: Result;
  const file = (name: string) => path.join(folder, name);

  beforeAll(async () => {
    const { stdout: list } = await run('--list');
    listed = [...list.matchAll(/^(\S+) +(always|not --quick|--all|--peers) +\S.*$/gm)].map(
      ([, id = '', runs]) => ({
        id,
        runs,
      }),
    );
    // All but those that fill long logs or install something.
    ids = listed.filter(({ id, runs }) => id !== 'S7' && runs !== '--peers').map(({ id }) => id);
    const short = ['--quick', '--rounds', '1', '--seconds', '0.05', '--only', ids.join()];
    ({ stdout, stderr } = await run(...short, '--output', file('result.json'), '--docs', file('page.md')));
    result = await readResult(file('result.json'));
  }, 300_000);

  it('measures each, says so, and lets none fail', () => {
    expect(listed).toContainEqual({ id: 'S1', runs: 'always' });
    expect([...new Set(result.rows.map(({ id }) => id))].toSorted()).toEqual(ids.toSorted());
    for (const id of ids) expect(stderr).toMatch(new RegExp(`\\d  ${id}: `));
    expect(result.failures).toEqual([]);
  });

  it('says what it was taken on', () => {
    expect(result).toMatchObject({ format: 1, mode: 'quick', rounds: 1, turnMilliseconds: 50, notes: [] });
    expect(result.headwater.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(new Date(result.startedAt).toISOString()).toBe(result.startedAt);
    expect(result.machine).toMatchObject({ cores: expect.any(Number), node: process.version });
    expect(result.machine.flushMilliseconds).toBeGreaterThan(0);
    if (result.machine.cores > 1) expect(result.machine.speedTogether).toBeGreaterThan(0);
    expect(result.postgres.version).toMatch(/^\d+\.\d+/);
    expect(result.postgres.settings).toMatchObject({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
    });
    expect(result.service?.peakMiB).toBeGreaterThan(0);
  });

  it('has rows that say all about themselves', () => {
    for (const row of result.rows) {
      const name = `${row.id} ${row.what}`;
      expect(row.floor.what, name).not.toBe('');
      for (const value of [row.floor.value, row.rounds]) expect(value, name).toBeGreaterThan(0);
      expect(row.ratio, name).toBeGreaterThanOrEqual(row.spread[0]);
      expect(row.ratio, name).toBeLessThanOrEqual(row.spread[1]);
      expect(row.direction, name).toMatch(/^AT_(LEAST|MOST)$/);
      if (row.latency) {
        const { count, curve, max, mean, p50, p90, p99, p999 } = row.latency;
        expect(count, name).toBeGreaterThan(0);
        expect(mean, name).toBeGreaterThan(0);
        expect([p50, p90, p99, p999, max], name).toEqual(
          [p50, p90, p99, p999, max].toSorted((a, b) => a - b),
        );
        expect(curve.length, name).toBeGreaterThan(0);
      }
    }
    // Which ours are compared twice, and which floors are timed too.
    expect(result.rows.filter(({ id }) => id === 'S1').map(({ floor }) => floor.what)).toEqual(
      expect.arrayContaining([
        'one client, binary COPY of 256 rows a transaction',
        'one INSERT a transaction, 8 clients',
      ]),
    );
    // What is compared with parts of which it is made is compared with all of them together too.
    for (const [id, together] of COMPOSED) {
      const rows = result.rows.filter((row) => row.id === id);
      expect(rows.filter(({ floor }) => floor.what === together)).toHaveLength(1);
      const [between, ...more] = rows.filter(({ betweenFloors }) => betweenFloors);
      expect(more).toEqual([]);
      expect(between).toMatchObject({ what: together, floor: { what: rows[0]?.floor.what } });
      expect(between).not.toHaveProperty('target');
    }
    expect(result.rows.find(({ id }) => id === 'S3')?.floor.latencies?.map(({ what }) => what)).toEqual([
      'one INSERT',
      'one empty unary call',
    ]);
  });

  it.runIf(process.platform === 'linux')('tells the CPU of client, service and database apart', () => {
    const appends = result.rows.find(({ id }) => id === 'S1');
    for (const party of ['client', 'service', 'database'] as const) {
      expect(appends?.cpu?.seconds[party], party).toBeGreaterThan(0);
      expect(appends?.cpu?.microseconds?.[party], party).toBeGreaterThan(0);
    }
    expect(appends?.memory?.service).toBeGreaterThan(0);
    expect(appends?.memory?.database).toBeGreaterThan(0);
    // A floor without the service.
    expect(appends?.floor.cpu?.seconds.database).toBeGreaterThan(0);
    // Floors with a service of their own.
    for (const [id, together] of COMPOSED) {
      const { floor } = result.rows.find((row) => row.id === id && row.floor.what === together) ?? {};
      for (const party of ['client', 'service', 'database'] as const)
        expect(floor?.cpu?.seconds[party], `${id} ${party}`).toBeGreaterThan(0);
    }
  });

  it('prints each row, and each once more beside an earlier run', async () => {
    for (const { id, what } of result.rows) {
      expect(stdout).toContain(`│ ${id} `);
      expect(stdout).toContain(what);
    }
    const again = await run('--from', file('result.json'), '--compare', file('result.json'));
    expect(again.stdout).toContain('before');
    expect(again.stdout).toContain('× 1.00');
    expect(again.stderr).toBe('');
    const { stdout: json } = await run('--from', file('result.json'), '--json');
    expect(json).toBe(await readFile(file('result.json'), 'utf8'));
  });

  it('writes a page with plots', async () => {
    const files = renderDocs(result, 'page');
    for (const [name, text] of files) {
      expect(await readFile(file(name), 'utf8'), name).toBe(text);
      expect(text, name).not.toMatch(/NaN|undefined|\{\{/);
    }
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['page.md', 'page/result.json', 'page/targets.svg', 'page/latency.svg']),
    );
    const page = files.get('page.md') ?? '';
    for (const { what } of result.rows) expect(page).toContain(what);
    // A floor that stands for ours is told apart, and is not drawn as ours.
    for (const [, together] of COMPOSED) {
      expect(page).toContain(`| *${together}* |`);
      expect(files.get('page/cpu.svg')).not.toContain(together);
    }
  });

  it('leaves nothing behind', async () => {
    expect(await scratches()).toEqual([]);
  });
});

describe('the bench', () => {
  it('puts commands on hot and cold aggregates beside appends', async () => {
    const { stdout } = await run('--quick', '--rounds', '1', '--json', '--only', 'S6');
    const { rows } = JSON.parse(stdout) as Result;
    const together = 'grpc-js and COPY together, two rows a command, nothing decided, without any guarantee';
    expect(rows.filter(({ betweenFloors }) => betweenFloors).map(({ what }) => what)).toEqual([together]);
    expect(rows.filter(({ floor }) => floor.what === together)).toHaveLength(1);
    const others = rows.filter(({ betweenFloors, floor }) => !betweenFloors && floor.what !== together);
    expect(others.map(({ what, target }) => [what, target])).toEqual([
      ['hot aggregates, decided in the service, 256 in flight', 0.6],
      ['hot aggregates, decided by a worker', undefined],
      ['cold aggregates of 100 events with a snapshot, in the service', 0.3],
      ['cold aggregates of 100 events without, in the service', undefined],
      ['cold aggregates of 100 events with a snapshot, by a worker', undefined],
      ['cold aggregates of 100 events without, by a worker', undefined],
    ]);
  }, 120_000);

  it('refuses what it does not have, and says what there is', async () => {
    await expect(run('--only', 'S99')).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/S99 is none of S1, .*--list says what they are/),
    });
    await expect(run('--ouly', 'S1')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Did you mean --only?'),
    });
    await expect(run('--rounds', '0')).rejects.toMatchObject({ code: 1 });
    await expect(run('--compare', path.join(folder, 'nothing.json'))).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('nothing.json is no result of the bench'),
    });
  });

  it('explains itself', async () => {
    const { stdout } = await run('--help');
    for (const flag of [
      'only',
      'all',
      'quick',
      'rounds',
      'seconds',
      'list',
      'json',
      'output',
      'compare',
      'from',
      'docs',
      'profile',
    ])
      expect(stdout).toContain(`--${flag}`);
  });

  it('cleans up when it is interrupted', async () => {
    const child = spawn(process.execPath, [main, '--only', 'S1'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    let told = '';
    let sent = false;
    for await (const text of child.stderr.setEncoding('utf8')) {
      told += String(text);
      // A second one would end it at once.
      if (!sent && told.includes('S1: ')) sent = child.kill('SIGINT');
    }
    await exited;
    expect(child.exitCode).toBe(130);
    expect(told).toContain('interrupted, cleaning up');
    expect(await scratches()).toEqual([]);
  }, 60_000);
});
