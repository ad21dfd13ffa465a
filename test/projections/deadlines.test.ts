import { describe, expect, it } from 'vitest';
import { type Deadline, PendingDeadlines } from '../../src/projections/deadlines.js';
import { eventId, newEvent, thing } from '../../src/testing/builders.js';

const none = () => PendingDeadlines.from(new Uint8Array());
const deadline = (key: string, at: bigint, data = new Uint8Array()): Deadline => ({
  key,
  at,
  stream: thing(key),
  event: newEvent({
    eventId: eventId(1),
    data,
    metadata: { causation_id: 'c' },
    tags: ['a:b'],
    schemaVersion: 2,
  }),
});

describe('pending deadlines', () => {
  it('come back from what was saved as they were, whatever bytes their events have', () => {
    const pending = none();
    const all = [
      deadline(
        'a',
        2n ** 60n,
        Uint8Array.from({ length: 256 }, (_, byte) => byte),
      ),
      deadline('ü\u{1F600}', 3n),
    ];
    for (const one of all) pending.set(one);
    const kept = PendingDeadlines.from(pending.encoded());
    expect([kept.size, kept.next]).toEqual([2, 3n]);
    expect(kept.dueBy(2n ** 60n)).toEqual([all[1], all[0]]);
    expect(kept.encoded()).toEqual(pending.encoded());
  });

  it('know the next one, whatever is replaced or taken back', () => {
    const pending = none();
    for (const [key, at] of [
      ['a', 5n],
      ['b', 3n],
      ['c', 9n],
    ] as const)
      pending.set(deadline(key, at));
    expect(pending.next).toBe(3n);
    pending.set(deadline('b', 7n));
    expect(pending.next).toBe(5n);
    expect([pending.delete('a'), pending.delete('a')]).toEqual([true, false]);
    expect(pending.next).toBe(7n);
    expect(pending.dueBy(8n).map(({ key }) => key)).toEqual(['b']);
    expect(pending.dueBy(6n)).toEqual([]);
  });

  it('are copied, so that what is not kept changes nothing', () => {
    const pending = none();
    pending.set(deadline('a', 5n));
    const copy = pending.copy();
    copy.delete('a');
    copy.set(deadline('b', 1n));
    expect([pending.size, pending.next, copy.next]).toEqual([1, 5n, 1n]);
  });

  it('take no more bytes than can be saved, and those that were taken back count no more', () => {
    const pending = none();
    const large = new Uint8Array(1024 * 1024);
    for (const key of ['a', 'b']) pending.set(deadline(key, 1n, large));
    expect(() => pending.set(deadline('c', 1n, large))).toThrow(/bytes, the limit of one reactor/);
    pending.set(deadline('a', 2n, large));
    pending.delete('b');
    pending.set(deadline('c', 1n, large));
    expect(pending.encoded().byteLength).toBeLessThan(3.5 * 1024 * 1024);
  });
});
