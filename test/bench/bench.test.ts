import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../bench/result.js';

// Built before the tests run.
const main = path.resolve(import.meta.dirname, '../../dist/bench/main.js');
const run = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args]);

describe('the bench', () => {
  it('puts appends beside their floors in one JSON object', async () => {
    const { stdout, stderr } = await run('--quick', '--json', '--only', 'S1');
    const result = JSON.parse(stdout) as Result;
    expect(result.mode).toBe('quick');
    expect(result.machine).toMatchObject({ cores: expect.any(Number), node: process.version });
    expect(result.postgres.version).toMatch(/^\d+\.\d+/);
    expect(result.postgres.settings).toMatchObject({ fsync: 'on', synchronous_commit: 'on' });
    expect(result.rows.map(({ id, floor }) => [id, floor.what])).toEqual([
      ['S1', 'one client, binary COPY of 256 rows a transaction'],
      ['S1', 'one INSERT a transaction, 8 clients'],
    ]);
    for (const { unit, ours, floor, ratio, spread } of result.rows) {
      expect(unit).toBe('events/s');
      expect(ours).toBeGreaterThan(0);
      expect(floor.value).toBeGreaterThan(0);
      expect(ratio).toBeGreaterThanOrEqual(spread[0]);
      expect(ratio).toBeLessThanOrEqual(spread[1]);
    }
    expect(result.rows[0]?.target).toBe(0.6);
    expect(result.rows[0]?.latency?.p99).toBeGreaterThan(0);
    expect(result.service?.peakMiB).toBeGreaterThan(0);
    expect(stderr).toContain('measuring S1');
  }, 60_000);

  it('puts commands on hot and cold aggregates beside appends', async () => {
    const { stdout } = await run('--quick', '--json', '--only', 'S6');
    const { rows } = JSON.parse(stdout) as Result;
    expect(rows.map(({ what, target }) => [what, target])).toEqual([
      ['hot aggregates, decided in the service, 256 in flight', 0.6],
      ['hot aggregates, decided by a worker', undefined],
      ['cold aggregates of 100 events with a snapshot, in the service', 0.3],
      ['cold aggregates of 100 events without, in the service', undefined],
      ['cold aggregates of 100 events with a snapshot, by a worker', undefined],
      ['cold aggregates of 100 events without, by a worker', undefined],
    ]);
    for (const { unit, ours, floor } of rows) {
      expect(unit).toBe('commands/s');
      expect(ours).toBeGreaterThan(0);
      expect(floor.what).toBe('pipelined appends of one event, 256 in flight, as in S1');
      expect(floor.value).toBeGreaterThan(0);
    }
    expect(rows[0]?.latency?.count).toBeGreaterThan(0);
  }, 120_000);

  it('refuses a row that it does not have', async () => {
    await expect(run('--only', 'S99')).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('S99 is none of S1'),
    });
  });
});
