import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeCopy } from '../../bench/floors/copy-rows.js';
import { writeCopy } from '../../bench/floors/copy-writer.js';
import { nextRow } from '../../bench/floors/floor-rows.js';
import { walks } from '../../bench/workload.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('the COPY of the composed floor', () => {
  it('has the bytes of that of COPY alone', () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    const rows = walks(70).map(nextRow);
    expect(writeCopy(rows).equals(encodeCopy(rows))).toBe(true);
  });

  it('has room for texts of more bytes than characters', () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    const [row] = walks(1).map(nextRow);
    if (row === undefined) throw new Error('There is no row');
    const text = '€"\\'.repeat(80);
    const payload = { ...row.payload, eventType: text, metadata: { [text]: text, empty: '' } };
    const rows = [{ ...row, stream: { aggregateType: text, aggregateId: text }, payload }];
    expect(writeCopy(rows).equals(encodeCopy(rows))).toBe(true);
  });
});
