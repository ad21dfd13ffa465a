import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../bench/result.js';

// Built before the tests run.
const main = path.resolve(import.meta.dirname, '../../dist/bench/main.js');
const run = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args]);

describe('the workloads of the bench', () => {
  it('lets writers contend, binds appends to tags, and reads a log that it has grown', async () => {
    const { stdout } = await run('--quick', '--json', '--only', 'S8,conditions,stream-load');
    const { rows } = JSON.parse(stdout) as Result;
    const idsOf = (id: string) => rows.filter((row) => row.id === id);
    expect(idsOf('S8').map(({ target }) => target)).toEqual([0.8, 0.2, undefined, 0.8, 0.2, undefined]);
    expect(idsOf('conditions').map(({ floor }) => floor.what)).toEqual(
      Array.from({ length: 4 }, () => 'the same without a condition'),
    );
    expect(idsOf('stream-load').map(({ what }) => what)).toEqual([
      'Load of one stream of 100 events, 16 in flight',
      'Load of one stream of 10 events, 16 in flight',
    ]);
    for (const { floor, ours, what } of rows) {
      expect(floor.value).toBeGreaterThan(0);
      if (!what.includes('least lucky')) expect(ours).toBeGreaterThan(0);
    }
  }, 120_000);

  it('has the parts alone serve the same subscribers', async () => {
    const { stdout } = await run('--quick', '--json', '--rounds', '1', '--only', 'S5');
    const { failures, rows } = JSON.parse(stdout) as Result;
    expect(failures).toEqual([]);
    expect(rows.filter(({ betweenFloors }) => betweenFloors).map(({ what }) => what)).toEqual([
      'grpc-js and COPY together with the same subscribers, without any guarantee',
    ]);
    for (const { floor, ours, unit } of rows)
      if (unit !== 'reads') expect(Math.min(floor.value, ours)).toBeGreaterThan(0);
  }, 180_000);

  it('puts a long log beside a short one', async () => {
    const { stdout, stderr } = await run('--quick', '--json', '--only', 'S7');
    const { rows } = JSON.parse(stdout) as Result;
    expect(rows.map(({ target, unit }) => [unit, target])).toEqual([
      ['events/s', 0.8],
      ['calls/s', 0.8],
      ['calls/s', 0.8],
      ['MiB', 1.1],
      ['calls/s', undefined],
    ]);
    expect(rows[0]?.what).toMatch(/^a log of 100,000 events/);
    expect(stderr).toContain('a log of 100,000 of 100,000 events');
  }, 120_000);
});
