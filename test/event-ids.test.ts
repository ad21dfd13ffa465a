import { afterEach, describe, expect, it, vi } from 'vitest';
import { validate, version } from 'uuid';
import { newEventId } from '../src/event-ids.js';

const millisecondsOf = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

describe('an event id', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is a UUID of version 7 of the present time', () => {
    const before = Date.now();
    const id = newEventId();
    expect(validate(id)).toBe(true);
    expect(version(id)).toBe(7);
    expect(millisecondsOf(id)).toBeGreaterThanOrEqual(before);
    expect(millisecondsOf(id)).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('is greater than all before it', () => {
    const ids = Array.from({ length: 100_000 }, newEventId);
    expect(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? ''))).toBe(true);
    expect(ids.every(validate)).toBe(true);
  });

  it('is so too when the clock is set back', () => {
    const first = newEventId();
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 60_000);
    const ids = Array.from({ length: 1000 }, newEventId);
    now.mockRestore();
    ids.push(newEventId());
    expect([first, ...ids]).toEqual([first, ...ids].sort());
  });

  it('ends in chance of its own', () => {
    const ends = Array.from({ length: 10_000 }, () => newEventId().slice(-12));
    expect(new Set(ends).size).toBe(ends.length);
  });
});
