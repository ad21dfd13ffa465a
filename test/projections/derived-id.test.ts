import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedId } from '../../src/projections/derived-id.js';
import { sha1 } from '../../src/projections/sha1.js';
import { isUuid } from '../../src/core/uuid-text.js';
import { eventId } from '../../src/testing/builders.js';

const cause = { eventId: eventId(1), recordedAt: 1_700_000_000_123_456n };

describe('ids of effects', () => {
  it('rest on a hash that is the one of the standard', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        expect(Buffer.from(sha1(text)).toString('hex')).toBe(createHash('sha1').update(text).digest('hex'));
      }),
    );
  });

  it('are the same for the same cause and facts, and others for others', () => {
    expect(derivedId(cause, ['welcome', '0', '1'])).toBe(derivedId({ ...cause }, ['welcome', '0', '1']));
    const others = [
      derivedId(cause, ['welcome', '0', '1']),
      derivedId(cause, ['welcome', '0', '2']),
      derivedId(cause, ['welcome', '1', '1']),
      derivedId(cause, ['goodbye', '0', '1']),
      derivedId({ ...cause, eventId: eventId(2) }, ['welcome', '0', '1']),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it('are UUIDs of version 7 with the time of the cause', () => {
    const id = derivedId(cause, ['welcome']);
    expect(isUuid(id)).toBe(true);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(1_700_000_000_123);
  });
});
