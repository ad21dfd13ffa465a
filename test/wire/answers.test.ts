import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeletedStreams,
  AppendResponseSchema,
  CountEventsRequestSchema,
  CountEventsResponseSchema,
  GetLogResponseSchema,
  GetStreamRequestSchema,
  GetStreamResponseSchema,
  ListAggregateTypesRequestSchema,
  ListAggregateTypesResponseSchema,
  ListStreamsRequestSchema,
  ListStreamsResponseSchema,
  RefusedSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Refused } from '../../src/core/append.js';
import type { Event } from '../../src/core/event.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import type { ListAggregateTypesRequest, ListStreamsRequest, LogInfo } from '../../src/core/stream-list.js';
import type { StreamInfo } from '../../src/core/stream.js';
import { fromWireAppendResponse, toWireAppendResponse } from '../../src/wire/append.js';
import {
  fromWireCountEventsRequest,
  fromWireEventCount,
  toWireCountEventsRequest,
  toWireEventCount,
} from '../../src/wire/count.js';
import { fromWireLogInfo, toWireLogInfo } from '../../src/wire/log-info.js';
import { fromWireRefused, toWireRefused } from '../../src/wire/refused.js';
import {
  fromWireGetStreamRequest,
  fromWireGetStreamResponse,
  toWireGetStreamRequest,
  toWireGetStreamResponse,
} from '../../src/wire/stream-info.js';
import {
  fromWireAggregateTypeList,
  fromWireListAggregateTypesRequest,
  fromWireListStreamsRequest,
  fromWireStreamList,
  toWireAggregateTypeList,
  toWireListAggregateTypesRequest,
  toWireListStreamsRequest,
  toWireStreamList,
} from '../../src/wire/stream-list.js';
import { event, name, positive, stream, text, time, uint64 } from './arbitraries.js';
import { violationsOf } from './violations.js';

const streamInfo: fc.Arbitrary<StreamInfo> = fc.record({
  stream,
  version: uint64,
  firstVersion: uint64,
  createdAt: time,
  updatedAt: time,
  deletedAt: fc.option(time, { nil: undefined }),
  retention: fc.record({ maxAge: fc.bigInt(0n, 10n ** 16n), maxCount: positive }, { requiredKeys: [] }),
  erasing: uint64,
});
const nextPageToken = fc.option(name, { nil: undefined });
const pageSize = fc.integer({ min: 1, max: 1000 });

describe('a refused append over the wire', () => {
  const refused: fc.Arbitrary<Refused> = fc.record(
    {
      outcome: fc.constant('REFUSED'),
      conflicts: fc.array(
        fc.record({
          stream,
          expected: fc.oneof(positive, fc.constantFrom<ExpectedVersion>('NO_STREAM', 'STREAM_EXISTS', 'ANY')),
          actual: uint64,
        }),
        { maxLength: 3 },
      ),
      conditionFailedAt: positive,
      intervening: fc.record({
        events: fc.array(event, { minLength: 1, maxLength: 3 }),
        truncated: fc.boolean(),
      }),
    },
    { requiredKeys: ['outcome', 'conflicts'] },
  );

  it('comes out as it went in', () => {
    fc.assert(
      fc.property(refused, (given) => {
        const bytes = toBinary(AppendResponseSchema, toWireAppendResponse(given));
        expect(fromWireAppendResponse(fromBinary(AppendResponseSchema, bytes))).toEqual(given);
      }),
    );
  });

  it('says that it was cut where not a single event had room', () => {
    const given: Refused = {
      outcome: 'REFUSED',
      conflicts: [],
      intervening: { events: [], truncated: true },
    };
    expect(fromWireRefused(toWireRefused(given))).toEqual(given);
  });

  it('has no more events than a message can hold, however small they are beside their names', () => {
    const small: Event = {
      eventId: '0198c5c1-0000-7000-8000-000000000000',
      stream: { aggregateType: 'a'.repeat(255), aggregateId: 'b'.repeat(255) },
      version: 1n,
      position: 1n,
      eventType: 'c',
      data: new Uint8Array(),
      contentType: 'd'.repeat(255),
      metadata: {},
      tags: [],
      schemaVersion: 1,
      recordedAt: 1n,
    };
    const events = Array.from({ length: 16_000 }, () => small);
    const wire = toWireRefused({
      outcome: 'REFUSED',
      conflicts: [],
      intervening: { events, truncated: false },
    });
    expect(toBinary(RefusedSchema, wire).byteLength).toBeLessThan(2 * 1024 * 1024);
    expect(wire.interveningEvents.length).toBeGreaterThan(1000);
    expect(wire.truncated).toBe(true);
  });
});

describe('streams over the wire', () => {
  it('are asked for and told as they went in', () => {
    fc.assert(
      fc.property(streamInfo, (info) => {
        const asked = toBinary(GetStreamRequestSchema, toWireGetStreamRequest(info.stream));
        expect(fromWireGetStreamRequest(fromBinary(GetStreamRequestSchema, asked))).toEqual(info.stream);
        const bytes = toBinary(GetStreamResponseSchema, toWireGetStreamResponse(info));
        expect(fromWireGetStreamResponse(fromBinary(GetStreamResponseSchema, bytes))).toEqual(info);
      }),
    );
    expect(violationsOf(() => fromWireGetStreamRequest(create(GetStreamRequestSchema)))).toEqual(['stream']);
  });

  it('are listed as they went in', () => {
    const request: fc.Arbitrary<ListStreamsRequest> = fc.record(
      {
        aggregateType: name,
        aggregateIdPrefix: name,
        deleted: fc.constantFrom('EXCLUDE', 'INCLUDE', 'ONLY'),
        pageSize,
        pageToken: name,
      },
      { requiredKeys: [] },
    );
    const list = fc.record({ streams: fc.array(streamInfo, { maxLength: 3 }), nextPageToken });
    fc.assert(
      fc.property(request, list, (asked, answer) => {
        const question = toBinary(ListStreamsRequestSchema, toWireListStreamsRequest(asked));
        expect(fromWireListStreamsRequest(fromBinary(ListStreamsRequestSchema, question))).toEqual(asked);
        const bytes = toBinary(ListStreamsResponseSchema, toWireStreamList(answer));
        expect(fromWireStreamList(fromBinary(ListStreamsResponseSchema, bytes))).toEqual(answer);
      }),
    );
    const unknown = create(ListStreamsRequestSchema, { deleted: 9 as DeletedStreams });
    expect(violationsOf(() => fromWireListStreamsRequest(unknown))).toEqual(['deleted']);
  });

  it('of which there are a thousand with the longest names fit into an answer', () => {
    const info: StreamInfo = {
      stream: { aggregateType: 'a'.repeat(255), aggregateId: 'b'.repeat(255) },
      version: 2n ** 63n - 1n,
      firstVersion: 2n ** 63n - 1n,
      createdAt: 4_000_000_000_000_001n,
      updatedAt: 4_000_000_000_000_001n,
      deletedAt: 4_000_000_000_000_001n,
      retention: { maxAge: 10n ** 16n, maxCount: 2n ** 63n - 1n },
      erasing: 2n ** 63n - 1n,
    };
    const streams = Array.from({ length: 1000 }, () => info);
    const bytes = toBinary(
      ListStreamsResponseSchema,
      toWireStreamList({ streams, nextPageToken: '%E2%82%AC'.repeat(1000) }),
    );
    expect(bytes.byteLength).toBeLessThan(3.5 * 1024 * 1024);
  });
});

describe('what there is in all, over the wire', () => {
  it('aggregate types come out as they went in', () => {
    const request: fc.Arbitrary<ListAggregateTypesRequest> = fc.record(
      { pageSize, pageToken: name },
      { requiredKeys: [] },
    );
    const types = fc.array(
      fc.record({ aggregateType: text, streams: uint64, deletedStreams: uint64, events: uint64 }),
      { maxLength: 3 },
    );
    const list = fc.record({ aggregateTypes: types, nextPageToken });
    fc.assert(
      fc.property(request, list, (asked, answer) => {
        const question = toBinary(ListAggregateTypesRequestSchema, toWireListAggregateTypesRequest(asked));
        expect(
          fromWireListAggregateTypesRequest(fromBinary(ListAggregateTypesRequestSchema, question)),
        ).toEqual(asked);
        const bytes = toBinary(ListAggregateTypesResponseSchema, toWireAggregateTypeList(answer));
        expect(fromWireAggregateTypeList(fromBinary(ListAggregateTypesResponseSchema, bytes))).toEqual(
          answer,
        );
      }),
    );
  });

  it('a count comes out as it went in, and so does what is counted', () => {
    const request = { scope: { kind: 'STREAM', stream: { aggregateType: 'A', aggregateId: '1' } } } as const;
    const filters = [
      { metadata: [{ key: 'k', operator: 'IN', kind: 'NUMBER', values: ['1', '2'] }] },
    ] as const;
    for (const asked of [
      { ...request, filters },
      { scope: { kind: 'LOG' }, filters: [], includeDeleted: true } as const,
    ]) {
      const bytes = toBinary(CountEventsRequestSchema, toWireCountEventsRequest(asked));
      expect(fromWireCountEventsRequest(fromBinary(CountEventsRequestSchema, bytes))).toEqual(asked);
    }
    const wrong = create(CountEventsRequestSchema, { filters: [{ metadata: [{}] }] });
    expect(violationsOf(() => fromWireCountEventsRequest(wrong))).toEqual([
      'filters[0].metadata[0].operator',
    ]);
    const counts = fc.record({ count: uint64, position: uint64, epoch: uint64 });
    fc.assert(
      fc.property(counts, (count) => {
        const bytes = toBinary(CountEventsResponseSchema, toWireEventCount(count));
        expect(fromWireEventCount(fromBinary(CountEventsResponseSchema, bytes))).toEqual(count);
      }),
    );
  });

  it('the log comes out as it went in', () => {
    const log: fc.Arbitrary<LogInfo> = fc.record({
      position: uint64,
      epoch: uint64,
      bytes: uint64,
      oldest: fc.option(time, { nil: undefined }),
      newest: fc.option(time, { nil: undefined }),
      epochs: fc.array(fc.record({ epoch: uint64, startedAfterPosition: uint64 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(log, (given) => {
        const bytes = toBinary(GetLogResponseSchema, toWireLogInfo(given));
        expect(fromWireLogInfo(fromBinary(GetLogResponseSchema, bytes))).toEqual(given);
      }),
    );
  });
});
