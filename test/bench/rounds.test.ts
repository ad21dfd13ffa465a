import { describe, expect, it } from 'vitest';
import { Meter } from '../../bench/meter.js';
import { median, takeTurns } from '../../bench/rounds.js';
import { compare, type RowText } from '../../bench/row.js';

const TEXT: RowText = { id: 'S1', what: 'ours', unit: 'events/s', floor: 'floor' };

describe('taking turns', () => {
  it('throws the first round away, with its latencies, and goes backwards in every other', async () => {
    const order: string[] = [];
    const turn = (name: string, values: number[]) => async (latency: { record(value: number): void }) => {
      order.push(name);
      latency.record(order.length);
      return values.shift() ?? 0;
    };
    const rounds = await takeTurns(3, [turn('a', [99, 10, 20, 30]), turn('b', [99, 20, 10, 60])]);
    expect(order.join('')).toBe('ababbaab');
    const row = compare(rounds, { ours: 0, floor: 1 }, { ...TEXT, target: 0.5 });
    expect(row).toMatchObject({ ours: 20, ratio: 0.5, spread: [0.5, 2], rounds: 3, direction: 'AT_LEAST' });
    expect(row.floor).toMatchObject({ what: 'floor', value: 20 });
    expect(row.latency?.count).toBe(3);
    expect(row.latency?.max).toBeCloseTo(7, 1);
    expect(row.floor.latencies).toMatchObject([{ what: 'floor', count: 3 }]);
  });

  it('adds up the turns of a floor that is one thing and then another', async () => {
    const rounds = await takeTurns(1, [async () => ({ value: 6, work: 1 }), async () => 1, async () => 2]);
    const row = compare(rounds, { ours: 0, floor: [1, 2] }, { ...TEXT, unit: 'ms' });
    expect(row).toMatchObject({ ratio: 2, direction: 'AT_MOST', floor: { value: 3 } });
  });

  it('tells the CPU of each event', async () => {
    const meter = new Meter({ service: process.pid, postmaster: undefined });
    const work = async () => {
      const until = performance.now() + 30;
      while (performance.now() < until);
      return { value: 1, work: 10 };
    };
    const rounds = await takeTurns({ rounds: 2, meter }, [work, async () => 1]);
    const { cpu, memory } = compare(rounds, { ours: 0, floor: 1 }, TEXT);
    const { client = 0 } = cpu?.seconds ?? {};
    expect(client).toBeGreaterThan(0);
    expect(cpu?.microseconds?.client).toBeCloseTo((client * 1e6) / 20);
    expect(cpu?.seconds).not.toHaveProperty('database');
    if (process.platform === 'linux') expect(memory?.service).toBeGreaterThan(0);
  });

  it('lets a turn bring a meter for a service of its own', async () => {
    const meter = new Meter({ service: process.pid, postmaster: undefined });
    // No process has this number.
    const own = meter.with({ service: 2 ** 30 });
    const rounds = await takeTurns({ rounds: 1, meter }, [
      async () => 1,
      { meter: own, take: async () => ({ value: 1, work: 10 }) },
    ]);
    const { cpu, floor } = compare(rounds, { ours: 0, floor: 1 }, TEXT);
    if (process.platform === 'linux') expect(cpu?.seconds).toHaveProperty('service');
    expect(floor.cpu?.seconds).toHaveProperty('client');
    expect(floor.cpu?.seconds).not.toHaveProperty('service');
  });

  it('takes the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
