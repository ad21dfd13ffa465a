import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import type { EventSelection } from '../../src/core/selection.js';
import { selectionFromJson, selectionToJson } from '../../src/core/selection-json.js';
import { RandomSelection } from '../../src/testing/random-selection.js';

const SELECTIONS = 500;

/** Numbers from 0 to 1, the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a selection as JSON', () => {
  it('is the same when it is read again, however large its numbers', () => {
    const random = new RandomSelection(seeded(7));
    const log = random.streams.map(
      (stream, index): Event => ({
        stream,
        eventId: '018f2f6e-0000-7000-8000-000000000001',
        eventType: 'Opened',
        data: new Uint8Array(),
        contentType: '',
        metadata: { n: '\u0000"{"integer":"1"}' },
        tags: ['kind:a'],
        schemaVersion: 1,
        version: 2n ** 53n + BigInt(index),
        position: 2n ** 63n - 1n - BigInt(index),
        recordedAt: BigInt(index),
      }),
    );
    for (let count = 0; count < SELECTIONS; count++) {
      const scope = random.scope();
      const filters = random.filters(log);
      const read = selectionFromJson(selectionToJson({ scope, filters }));
      expect(read).toEqual({
        ...(scope.kind === 'LOG' ? {} : { scope }),
        ...(filters.length === 0 ? {} : { filters }),
      });
    }
  });

  it('is the same text for the same selection, in whatever order it was written', () => {
    const one: EventSelection = {
      scope: { kind: 'STREAM', stream: { aggregateType: 'Thing', aggregateId: '1' } },
      filters: [{ positions: { first: 1n, last: 2n }, tags: ['a'] }],
    };
    const other: EventSelection = {
      filters: [{ tags: ['a'], positions: { last: 2n, first: 1n } }],
      scope: { stream: { aggregateId: '1', aggregateType: 'Thing' }, kind: 'STREAM' },
    };
    expect(selectionToJson(one)).toBe(selectionToJson(other));
    expect(selectionToJson({ scope: { kind: 'LOG' }, filters: [] })).toBe(selectionToJson({}));
    expect(selectionToJson({ filters: [{ tags: ['1'] }] })).not.toBe(
      selectionToJson({ filters: [{ positions: { first: 1n } }] }),
    );
  });
});
