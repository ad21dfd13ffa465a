import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AggregateCache } from '../../src/commands/aggregate-cache.js';
import type { ReadAggregate } from '../../src/commands/aggregate-reader.js';
import { Deadlines } from '../../src/commands/deadlines.js';
import { stateBytes } from '../../src/commands/state-bytes.js';
import { systemRuntime } from '../../src/system.js';

const read = (aggregateId: string, version: bigint, bytes: number, state: unknown = 0): ReadAggregate => ({
  stream: { aggregateType: 'Thing', aggregateId },
  version,
  deleted: false,
  state,
  snapshotVersion: 0n,
  bytes,
  readTo: undefined,
});
const kept = (cache: AggregateCache, ...ids: readonly string[]) =>
  ids.filter((id) => cache.get({ aggregateType: 'Thing', aggregateId: id }) !== undefined).join('');

describe('a cache of aggregates', () => {
  it('forgets those that were used longest ago', () => {
    const cache = new AggregateCache({ aggregates: 2 });
    const set = (id: string, version = 1n) => cache.set(read(id, version, 10), () => 0);
    set('a');
    set('b');
    cache.get({ aggregateType: 'Thing', aggregateId: 'a' });
    set('c');
    expect(kept(cache, 'a', 'b', 'c')).toBe('ac');
    expect(cache.size).toBe(2);
  });

  it('keeps those that were used last, whatever was done', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.oneof(
      fc.record({ id, use: fc.constantFrom('get', 'delete') }),
      fc.record({ id, bytes: fc.integer({ min: 1, max: 40 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new AggregateCache({ aggregates: 3, bytes: 100 });
        // By their ids and bytes; the one that was used last is last.
        let model: (readonly [string, number])[] = [];
        let version = 0n;
        for (const one of steps) {
          const former = model.find(([known]) => known === one.id);
          model = model.filter(([known]) => known !== one.id);
          const stream = { aggregateType: 'Thing', aggregateId: one.id };
          if ('bytes' in one) {
            version += 1n;
            cache.set(read(one.id, version, one.bytes), () => 0);
            model.push([one.id, one.bytes]);
          } else if (one.use === 'delete') cache.delete(stream);
          else {
            expect(cache.get(stream) !== undefined).toBe(former !== undefined);
            if (former !== undefined) model.push(former);
          }
          while (model.length > 3 || model.reduce((sum, [, bytes]) => sum + bytes, 0) > 100) model.shift();
          expect(cache.size).toBe(model.length);
        }
        expect(kept(cache, 'a', 'b', 'c', 'd', 'e')).toBe(
          model
            .map(([known]) => known)
            .toSorted()
            .join(''),
        );
      }),
    );
  });

  it('never puts an older state over a newer one', () => {
    const cache = new AggregateCache();
    cache.set(read('a', 5n, 10), () => 0);
    cache.set(read('a', 4n, 10), () => 0);
    expect(cache.get({ aggregateType: 'Thing', aggregateId: 'a' })?.version).toBe(5n);
  });

  it('counts what states take, not what their events took', () => {
    const cache = new AggregateCache({ bytes: 100_000 });
    let measured = 0;
    const small = () => {
      measured += 1;
      return { count: 1 };
    };
    for (let version = 1; version <= 1000; version++)
      cache.set(read('a', BigInt(version), version * 1000), small);
    expect(kept(cache, 'a')).toBe('a');
    // Measured when it may have doubled since, which for a small one is every few kilobytes.
    expect(measured).toBeLessThan(300);
    const large = 'x'.repeat(40_000);
    cache.set(read('b', 1n, 80_000), () => large);
    cache.set(read('c', 1n, 80_000), () => large);
    expect(kept(cache, 'a', 'b', 'c')).toBe('c');
  });

  it('of no aggregates keeps none', () => {
    const cache = new AggregateCache({ aggregates: 0 });
    cache.set(read('a', 1n, 10), () => 0);
    expect(cache.size).toBe(0);
  });

  it('measures plain data', () => {
    expect(
      stateBytes({ a: 'xx', b: [1, null], c: new Map([['k', new Set([1])]]), d: new Uint8Array(100) }),
    ).toBeGreaterThan(200);
    expect(stateBytes('x'.repeat(1000))).toBeGreaterThan(1999);
  });
});

describe('a deadline', () => {
  it('shared by many ends those that take longer, and leaves no timer behind', async () => {
    let timers = 0;
    const deadlines = new Deadlines({
      monotonic: () => 0,
      sleep: async (milliseconds, signal) => {
        timers += 1;
        try {
          await systemRuntime.sleep(milliseconds, signal);
        } finally {
          timers -= 1;
        }
      },
    });
    const slow = deadlines.within(20, () => systemRuntime.sleep(5000, AbortSignal.timeout(200)));
    const quick = await Promise.all(
      Array.from({ length: 10 }, (_, index) => deadlines.within(20, async () => index)),
    );
    expect([quick.length, timers]).toEqual([10, 1]);
    await expect(slow).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    await deadlines.within(60_000, async () => undefined);
    await systemRuntime.sleep(1);
    expect(timers).toBe(0);
  });
});
