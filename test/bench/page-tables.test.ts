import { describe, expect, it } from 'vitest';
import { limitTable } from '../../bench/docs/page-tables.js';
import type { Row } from '../../bench/row.js';

/** 10,000 a second of 20,000, for 120 µs of CPU each. */
const row: Row = {
  id: 'S1',
  what: 'appends',
  unit: 'events/s',
  ours: 10_000,
  floor: { what: 'COPY', value: 20_000 },
  ratio: 0.5,
  rounds: 3,
  spread: [0.4, 0.6],
  direction: 'AT_LEAST',
  target: 0.8,
  cpu: {
    wallSeconds: 1,
    seconds: { client: 0.2, service: 0.4, database: 0.6 },
    microseconds: { client: 20, service: 40, database: 60 },
  },
};

describe('what stands between a rate and its target', () => {
  it('is told with the ratio if all cores were busy, and if the busiest of the three were', () => {
    const [, , line = ''] = limitTable([row], 2).split('\n');
    // 2 cores / 120 µs and 1 / 60 µs are 16,667 a second both.
    expect(line.split('|').map((cell) => cell.trim())).toEqual([
      '',
      'S1',
      'appends',
      '0.50',
      '0.83',
      '0.83',
      '0.8',
      '',
    ]);
    expect(limitTable([row], 4)).toContain('| 1.67 | 0.83 |');
  });

  it('is not told of what reaches its target, has none, is a time, or has no CPU', () => {
    const { target: _target, ...without } = row;
    const { cpu: _cpu, ...unmeasured } = row;
    const others: Row[] = [{ ...row, ratio: 0.8 }, without, unmeasured, { ...row, unit: 'ms' }];
    expect(limitTable(others, 2)).toBe('');
  });
});
