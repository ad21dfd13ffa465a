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
import type { AppendRequest } from '../../src/core/append.js';
import { InvalidRequestError } from '../../src/core/errors.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import type { Filter, Scope } from '../../src/core/filter.js';
import type { LoadRequest } from '../../src/core/load.js';
import type { SubscribeRequest, SubscribeStart } from '../../src/core/subscribe.js';
import { fromWireAppendRequest, toWireAppendRequest } from '../../src/wire/append.js';
import { fromWireLoadRequest, toWireLoadRequest } from '../../src/wire/load.js';
import { fromWireSubscribeRequest, toWireSubscribeRequest } from '../../src/wire/subscribe.js';
import { stream, text, time, uint64 } from './arbitraries.js';

const name = text.filter((value) => value !== '');
const positive = uint64.filter((value) => value > 0n);

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
const append: fc.Arbitrary<AppendRequest> = fc.record({
  streams: fc.array(
    fc.record({ stream, expectedVersion: expected, events: fc.array(newEvent, { maxLength: 3 }) }),
    { maxLength: 3 },
  ),
  onConflict: fc.constantFrom('THROW', 'RETURN'),
});

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
const filters: fc.Arbitrary<Filter[]> = fc.array(
  fc.record(
    {
      eventTypes: names,
      tags: names,
      versions: range(positive),
      positions: range(positive),
      recorded: range(time),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 3 },
);
const load: fc.Arbitrary<LoadRequest> = fc.record(
  { scope, filters, direction: fc.constantFrom('FORWARDS', 'BACKWARDS'), limit: positive },
  { requiredKeys: ['scope', 'filters', 'direction'] },
);
const start: fc.Arbitrary<SubscribeStart> = fc.oneof(
  fc.constantFrom<SubscribeStart>({ kind: 'BEGINNING' }, { kind: 'END' }),
  fc
    .record({ position: uint64, epoch: positive }, { requiredKeys: ['position'] })
    .map((after): SubscribeStart => ({ kind: 'AFTER', after })),
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
  const violationsOf = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      if (error instanceof InvalidRequestError) return error.violations.map(({ field }) => field);
      throw error;
    }
    return [];
  };
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
