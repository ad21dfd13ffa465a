import { describe, expect, it } from 'vitest';
import type { Filter, MetadataComparison } from '../../src/core/filter.js';
import { MAX_BIGINT } from '../../src/core/limits.js';
import type { LoadRequest } from '../../src/core/load.js';
import type { SubscribeRequest } from '../../src/core/subscribe.js';
import { validateLoad, validateSubscribe } from '../../src/core/validate-read.js';
import { violated } from './violated.js';

const stream = { aggregateType: 'Account', aggregateId: 'a' };
const many = (length: number) => Array.from({ length }, (_, n) => `T${n}`);
const equal = (fields: Partial<MetadataComparison> = {}): MetadataComparison => ({
  key: 'k',
  operator: 'EQUAL',
  values: ['x'],
  ...fields,
});
const filtered = (...filters: readonly Filter[]) => ({ filters });

/** What a load and a subscription are refused for alike. */
const SELECTIONS: readonly [string, Pick<LoadRequest, 'scope' | 'filters'>, string][] = [
  [
    'a stream with a reserved type',
    { scope: { kind: 'STREAM', stream: { ...stream, aggregateType: '$x' } } },
    'stream.aggregate_type',
  ],
  [
    'a stream without id',
    { scope: { kind: 'STREAM', stream: { ...stream, aggregateId: '' } } },
    'stream.aggregate_id',
  ],
  ['no streams', { scope: { kind: 'STREAMS', streams: [] } }, 'streams.streams'],
  [
    '101 streams',
    { scope: { kind: 'STREAMS', streams: many(101).map((aggregateId) => ({ ...stream, aggregateId })) } },
    'streams.streams',
  ],
  ['a stream twice', { scope: { kind: 'STREAMS', streams: [stream, { ...stream }] } }, 'streams.streams'],
  [
    'one bad stream of two',
    { scope: { kind: 'STREAMS', streams: [stream, { ...stream, aggregateId: '\n' }] } },
    'streams.streams[1].aggregate_id',
  ],
  [
    'no aggregate types',
    { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [] } },
    'aggregate_types.aggregate_types',
  ],
  [
    'an empty aggregate type',
    { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account', ''] } },
    'aggregate_types.aggregate_types[1]',
  ],
  ['17 filters', { filters: Array.from({ length: 17 }, () => ({})) }, 'filters'],
  ['101 event types', filtered({ eventTypes: many(101) }), 'filters[0].event_types'],
  ['65 tags', filtered({ tags: many(65) }), 'filters[0].tags'],
  ['an empty event type', filtered({}, { eventTypes: ['A', ''] }), 'filters[1].event_types[1]'],
  ['a tag with NUL', filtered({ tags: ['a\0'] }), 'filters[0].tags[0]'],
  ['version 0', filtered({ versions: { first: 0n } }), 'filters[0].versions.first'],
  ['position 0 as the last', filtered({ positions: { last: 0n } }), 'filters[0].positions.last'],
  ['a position above all', filtered({ positions: { last: MAX_BIGINT + 1n } }), 'filters[0].positions.last'],
  ['versions backwards', filtered({ versions: { first: 2n, last: 1n } }), 'filters[0].versions'],
  [
    '17 comparisons',
    filtered({ metadata: Array.from({ length: 17 }, () => equal()) }),
    'filters[0].metadata',
  ],
  [
    'more than 100 patterns of streams',
    filtered({ streams: Array.from({ length: 101 }, () => ({ aggregateType: 'Thing' })) }),
    'filters[0].streams',
  ],
  [
    'a pattern with an empty id',
    filtered({ streams: [{ aggregateId: '' }] }),
    'filters[0].streams[0].aggregate_id',
  ],
  [
    'a pattern with id and prefix',
    filtered({ streams: [{ aggregateId: 'a', aggregateIdPrefix: 'a' }] }),
    'filters[0].streams[0]',
  ],
  [
    'a pattern of a reserved type',
    filtered({ streams: [{ aggregateType: '$x' }] }),
    'filters[0].streams[0].aggregate_type',
  ],
  ['a comparison without a key', filtered({ metadata: [equal({ key: '' })] }), 'filters[0].metadata[0].key'],
  [
    'a control character in the key of a comparison',
    filtered({}, { metadata: [equal(), equal({ key: 'a\n' })] }),
    'filters[1].metadata[1].key',
  ],
  ['EQUAL without a value', filtered({ metadata: [equal({ values: [] })] }), 'filters[0].metadata[0].values'],
  [
    'EQUAL with two',
    filtered({ metadata: [equal({ values: ['a', 'b'] })] }),
    'filters[0].metadata[0].values',
  ],
  [
    'IN with 101 values',
    filtered({ metadata: [equal({ operator: 'IN', values: many(101) })] }),
    'filters[0].metadata[0].values',
  ],
  [
    'IN without values',
    filtered({ metadata: [equal({ operator: 'IN', values: [] })] }),
    'filters[0].metadata[0].values',
  ],
  [
    'a value of 4,097 bytes',
    filtered({ metadata: [equal({ operator: 'IN', values: ['a', 'é'.repeat(2048) + 'x'] })] }),
    'filters[0].metadata[0].values[1]',
  ],
  [
    'a value with NUL',
    filtered({ metadata: [equal({ values: ['a\0'] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  [
    'a lone surrogate in a value',
    filtered({ metadata: [equal({ values: ['\ud800'] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  [
    'a value that is no number',
    filtered({ metadata: [equal({ kind: 'NUMBER', values: ['1,5'] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  [
    'a value that is no boolean',
    filtered({ metadata: [equal({ kind: 'BOOLEAN', values: ['TRUE'] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  [
    'booleans that are to be more',
    filtered({ metadata: [equal({ operator: 'GREATER', kind: 'BOOLEAN', values: ['true'] })] }),
    'filters[0].metadata[0].operator',
  ],
  [
    'a number that is to match',
    filtered({ metadata: [equal({ operator: 'MATCHES', kind: 'NUMBER' })] }),
    'filters[0].metadata[0].kind',
  ],
  [
    'a pattern of 257 bytes',
    filtered({ metadata: [equal({ operator: 'MATCHES', values: ['x'.repeat(257)] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  [
    'a pattern that is none',
    filtered({ metadata: [equal({ operator: 'MATCHES', values: ['(a'] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  [
    'a pattern that looks ahead',
    filtered({ metadata: [equal({ operator: 'MATCHES', values: ['a(?=b)'] })] }),
    'filters[0].metadata[0].values[0]',
  ],
  ['times backwards', filtered({ recorded: { first: 2n, last: 1n } }), 'filters[0].recorded'],
];

for (const [what, validate] of [
  ['a load', validateLoad],
  ['a subscription', validateSubscribe],
] as const)
  describe(`${what} is refused`, () => {
    for (const [problem, request, field] of SELECTIONS)
      it(`for ${problem}`, () =>
        expect(violated(() => validate(request))).toEqual({ count: 1, fields: [field] }));
  });

describe('a load', () => {
  it('is refused for a limit that is not from 1 to what a bigint holds', () => {
    for (const limit of [0n, -1n, MAX_BIGINT + 1n])
      expect(violated(() => validateLoad({ limit }))).toEqual({ count: 1, fields: ['limit'] });
  });

  it('is taken with nothing, and with everything at its limits', () => {
    const most: LoadRequest = {
      scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: many(100) },
      filters: Array.from({ length: 16 }, () => ({
        eventTypes: many(100),
        tags: many(64),
        versions: { first: 1n, last: MAX_BIGINT },
        positions: { first: 5n, last: 5n },
        recorded: { first: -5n, last: 5n },
        metadata: Array.from({ length: 16 }, () =>
          equal({ operator: 'NOT_IN', values: Array.from({ length: 100 }, () => 'x'.repeat(4096)) }),
        ),
      })),
      direction: 'BACKWARDS',
      limit: MAX_BIGINT,
    };
    expect(violated(() => validateLoad({}))).toBeUndefined();
    expect(violated(() => validateLoad(most))).toBeUndefined();
  });
});

describe('a subscription', () => {
  it('is refused behind a position, or in an epoch, that cannot be', () => {
    const after = (position: bigint, epoch?: bigint): SubscribeRequest => ({
      start: { kind: 'AFTER', after: epoch === undefined ? { position } : { position, epoch } },
    });
    const fields = (request: SubscribeRequest) => violated(() => validateSubscribe(request))?.fields;
    expect(fields(after(-1n))).toEqual(['after.position']);
    expect(fields(after(MAX_BIGINT + 1n))).toEqual(['after.position']);
    expect(fields(after(0n, -1n))).toEqual(['after.epoch']);
    expect(fields(after(0n, MAX_BIGINT + 1n))).toEqual(['after.epoch']);
    expect(fields(after(0n))).toBeUndefined();
    expect(fields(after(MAX_BIGINT, 1n))).toBeUndefined();
  });
});
