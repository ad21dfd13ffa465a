import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AppendRequestSchema,
  type Direction,
  LoadRequestSchema,
  type OnConflict,
  SubscribeRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type {
  ComparisonOperator as ComparisonOperatorNumber,
  ValueKind as ValueKindNumber,
} from '../../gen/headwater/v1/filter_pb.js';
import type { AppendRequest } from '../../src/core/append.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import type {
  ComparisonOperator,
  Filter,
  MetadataComparison,
  Scope,
  ValueKind,
} from '../../src/core/filter.js';
import type { LoadRequest } from '../../src/core/load.js';
import type { SubscribeRequest, SubscribeStart } from '../../src/core/subscribe.js';
import { fromWireAppendRequest, toWireAppendRequest } from '../../src/wire/append.js';
import { fromWireLoadRequest, toWireLoadRequest } from '../../src/wire/load.js';
import { fromWireSubscribeRequest, toWireSubscribeRequest } from '../../src/wire/subscribe.js';
import { name, positive, stream, text, time, uint64 } from './arbitraries.js';
import { violationsOf } from './violations.js';

const newEvent = fc.record(
  {
    eventType: text,
    // A Buffer is what the service decodes to.
    data: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    metadata: fc.dictionary(name, text, { maxKeys: 3 }),
    tags: fc.array(text, { maxLength: 3 }),
    eventId: fc.uuid(),
    contentType: name,
    schemaVersion: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  },
  { requiredKeys: ['eventType', 'data', 'metadata', 'tags'] },
);
const expected = fc.oneof(positive, fc.constantFrom<ExpectedVersion>('NO_STREAM', 'STREAM_EXISTS', 'ANY'));
const plainAppend: { [Key in 'streams' | 'onConflict']: fc.Arbitrary<NonNullable<AppendRequest[Key]>> } = {
  streams: fc.array(
    fc.record({ stream, expectedVersion: expected, events: fc.array(newEvent, { maxLength: 3 }) }),
    { maxLength: 3 },
  ),
  onConflict: fc.constantFrom('THROW', 'RETURN'),
};
const items = fc.array(
  fc.record(
    {
      eventTypes: fc.array(name, { minLength: 1, maxLength: 3 }),
      tags: fc.array(name, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 3 },
);
const logPosition = fc.record({ position: uint64, epoch: positive }, { requiredKeys: ['position'] });
const append: fc.Arbitrary<AppendRequest> = fc.record(
  {
    ...plainAppend,
    condition: fc.record({ items, after: logPosition }, { requiredKeys: ['items'] }),
    interveningBytes: fc.integer({ min: 1, max: 2 ** 20 }),
  },
  { requiredKeys: ['streams', 'onConflict'] },
);

const scope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant<Scope>({ kind: 'LOG' }),
  stream.map((one): Scope => ({ kind: 'STREAM', stream: one })),
  fc.array(stream, { maxLength: 3 }).map((streams): Scope => ({ kind: 'STREAMS', streams })),
  fc
    .array(text, { maxLength: 3 })
    .map((aggregateTypes): Scope => ({ kind: 'AGGREGATE_TYPES', aggregateTypes })),
);
const range = <T>(bound: fc.Arbitrary<T>) => fc.record({ first: bound, last: bound }, { requiredKeys: [] });
const names = fc.array(name, { minLength: 1, maxLength: 3 });
const comparison: fc.Arbitrary<MetadataComparison> = fc.record(
  {
    key: text,
    operator: fc.constantFrom<ComparisonOperator>(
      'EQUAL',
      'NOT_EQUAL',
      'GREATER',
      'GREATER_OR_EQUAL',
      'LESS',
      'LESS_OR_EQUAL',
      'IN',
      'NOT_IN',
      'MATCHES',
    ),
    kind: fc.constantFrom<ValueKind>('STRING', 'NUMBER', 'BOOLEAN'),
    values: fc.array(text, { maxLength: 3 }),
  },
  { requiredKeys: ['key', 'operator', 'values'] },
);
const filters: fc.Arbitrary<Filter[]> = fc.array(
  fc.record(
    {
      eventTypes: names,
      tags: names,
      versions: range(positive),
      positions: range(positive),
      recorded: range(time),
      metadata: fc.array(comparison, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 3 },
);
const load: fc.Arbitrary<LoadRequest> = fc.record(
  {
    scope,
    filters,
    direction: fc.constantFrom('FORWARDS', 'BACKWARDS'),
    limit: positive,
    includeDeleted: fc.constant(true),
    minPosition: logPosition,
    staleOk: fc.constant(true),
  },
  { requiredKeys: ['scope', 'filters', 'direction'] },
);
const start: fc.Arbitrary<SubscribeStart> = fc.oneof(
  fc.constantFrom<SubscribeStart>({ kind: 'BEGINNING' }, { kind: 'END' }),
  logPosition.map((after): SubscribeStart => ({ kind: 'AFTER', after })),
  time.map((moment): SubscribeStart => ({ kind: 'TIME', time: moment })),
);
const subscribe: fc.Arbitrary<SubscribeRequest> = fc.record({ scope, filters, start });

describe('a request over the wire', () => {
  it('append comes out as it went in', () => {
    fc.assert(
      fc.property(append, (request) => {
        const bytes = toBinary(AppendRequestSchema, toWireAppendRequest(request));
        expect(fromWireAppendRequest(fromBinary(AppendRequestSchema, bytes))).toEqual(request);
      }),
    );
  });

  it('load comes out as it went in', () => {
    fc.assert(
      fc.property(load, (request) => {
        const bytes = toBinary(LoadRequestSchema, toWireLoadRequest(request));
        expect(fromWireLoadRequest(fromBinary(LoadRequestSchema, bytes))).toEqual(request);
      }),
    );
  });

  it('subscribe comes out as it went in', () => {
    fc.assert(
      fc.property(subscribe, (request) => {
        const bytes = toBinary(SubscribeRequestSchema, toWireSubscribeRequest(request));
        expect(fromWireSubscribeRequest(fromBinary(SubscribeRequestSchema, bytes))).toEqual(request);
      }),
    );
  });

  it('does not keep the network buffer: the data is a copy', () => {
    const request = create(AppendRequestSchema, {
      streams: [
        {
          stream: {},
          expectedVersion: { expectation: { case: 'any', value: {} } },
          events: [{ data: Buffer.from('x') }],
        },
      ],
    });
    const bytes = toBinary(AppendRequestSchema, request);
    const back = fromWireAppendRequest(fromBinary(AppendRequestSchema, bytes));
    bytes.fill(0);
    expect(back.streams[0]?.events[0]?.data).toEqual(Buffer.from('x'));
  });
});

describe('a request of the wrong shape', () => {
  const appendFields = (init: MessageInitShape<typeof AppendRequestSchema>) =>
    violationsOf(() => fromWireAppendRequest(create(AppendRequestSchema, init)));
  const loadFields = (init: MessageInitShape<typeof LoadRequestSchema>) =>
    violationsOf(() => fromWireLoadRequest(create(LoadRequestSchema, init)));
  const subscribeFields = (init: MessageInitShape<typeof SubscribeRequestSchema>) =>
    violationsOf(() => fromWireSubscribeRequest(create(SubscribeRequestSchema, init)));

  it('names a stream and an expected version that are not set', () => {
    expect(appendFields({ streams: [{}] })).toEqual(['streams[0].stream', 'streams[0].expected_version']);
  });

  it('never takes an expectation that is not set for any', () => {
    expect(appendFields({ streams: [{ stream: {}, expectedVersion: {} }] })).toEqual([
      'streams[0].expected_version',
    ]);
  });

  it('names an enum value that is not known', () => {
    expect(appendFields({ onConflict: 9 as OnConflict })).toEqual(['on_conflict']);
    expect(loadFields({ direction: 9 as Direction })).toEqual(['direction']);
  });

  it('names what a metadata comparison does not say, or says in words not known', () => {
    const metadata = [
      { key: 'a', values: ['1'] },
      { key: 'a', operator: 99 as ComparisonOperatorNumber, kind: 7 as ValueKindNumber, values: ['1'] },
    ];
    expect(loadFields({ filters: [{}, { metadata }] })).toEqual([
      'filters[1].metadata[0].operator',
      'filters[1].metadata[1].kind',
      'filters[1].metadata[1].operator',
    ]);
    expect(subscribeFields({ filters: [{ metadata: [{}] }] })).toEqual(['filters[0].metadata[0].operator']);
  });

  it('names times that the log cannot keep', () => {
    const recorded = {
      first: { seconds: 0n, nanos: 1 },
      last: { seconds: 10n ** 12n, nanos: -1000 },
    };
    expect(loadFields({ filters: [{}, { recorded }] })).toEqual([
      'filters[1].recorded.first.nanos',
      'filters[1].recorded.last.seconds',
      'filters[1].recorded.last.nanos',
    ]);
    const fromTime = { seconds: 1n, nanos: 1_000_000_000 };
    expect(subscribeFields({ start: { case: 'fromTime', value: fromTime } })).toEqual(['from_time.nanos']);
  });
});
