import { describe, expect, it } from 'vitest';
import { systemRuntime } from '../../src/system.js';

describe('ids that are made here', () => {
  it('are UUIDs of version 7 of this moment, each above the one before', () => {
    const before = Date.now();
    const ids = Array.from({ length: 20_000 }, () => systemRuntime.newEventId());
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const time = (id = '') => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    expect(time(ids[0])).toBeGreaterThanOrEqual(before);
    expect(time(ids.at(-1))).toBeLessThanOrEqual(Date.now());
  });
});
