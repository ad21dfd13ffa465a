import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChurnedMap } from '../../src/core/churned-map.js';

describe('a map of what comes and goes', () => {
  it('has what a Map has, whatever is done', () => {
    const key = fc.integer({ min: 0, max: 40 });
    const step = fc.oneof(
      { weight: 10, arbitrary: fc.record({ key, set: fc.integer() }) },
      { weight: 9, arbitrary: fc.record({ key }) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const churned = new ChurnedMap<number, number>();
        const plain = new Map<number, number>();
        for (const one of steps) {
          if (one === 'clear') {
            churned.clear();
            plain.clear();
          } else if ('set' in one) {
            churned.set(one.key, one.set);
            plain.set(one.key, one.set);
          } else expect(churned.delete(one.key)).toBe(plain.delete(one.key));
          expect(churned.size).toBe(plain.size);
        }
        expect(churned.values()).toEqual([...plain.values()]);
        for (let at = 0; at <= 40; at++) {
          expect(churned.get(at)).toBe(plain.get(at));
          expect(churned.has(at)).toBe(plain.has(at));
        }
      }),
    );
  });

  it('lets go of what was in it, also after a full collection', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const map = new ChurnedMap<number, unknown>();
    // So many are in it at a time; it is old when the others come.
    const UNDER_WAY = 256;
    for (let at = 0; at < UNDER_WAY; at++) map.set(at, {});
    collect();
    const before = oldBytes();
    let most = 0;
    for (let at = UNDER_WAY; at < 200_000; at++) {
      map.set(at, { at, text: `number ${at}`, list: [at, at, at, at, at, at, at, at] });
      map.delete(at - UNDER_WAY);
      if (at % 1000 === 0) most = Math.max(most, oldBytes() - before);
    }
    // With a Map it is 20 to 50 MB.
    expect(most).toBeLessThan(8_000_000);
  });
});

/** What has survived two collections of young objects, or a full one. */
function oldBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => name === 'old_space' || name === 'large_object_space')
    .reduce((sum, { space_used_size: used }) => sum + used, 0);
}
