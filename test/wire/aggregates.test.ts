import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DeleteSnapshotsRequestSchema,
  GetAggregateRequestSchema,
  GetAggregateResponseSchema,
  GetSnapshotRequestSchema,
  GetSnapshotResponseSchema,
  ListAggregatesRequestSchema,
  ListAggregatesResponseSchema,
  SaveSnapshotRequestSchema,
  WatchAggregateRequestSchema,
  WatchAggregateResponseSchema,
} from '../../gen/headwater/v1/aggregate_service_pb.js';
import type { DeletedStreams } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { AggregateMoment } from '../../src/core/aggregate.js';
import * as wire from '../../src/wire/aggregate.js';
import * as snapshots from '../../src/wire/snapshot.js';
import { event, name, positive, stream, text, time, uint64 } from './arbitraries.js';
import { violationsOf } from './violations.js';

const integer = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const info = fc.record({
  aggregate: stream,
  version: uint64,
  exists: fc.boolean(),
  deleted: fc.boolean(),
  createdAt: fc.option(time, { nil: undefined }),
  updatedAt: fc.option(time, { nil: undefined }),
});
const bytes = fc.uint8Array({ minLength: 1, maxLength: 50 });
const snapshot = fc.record({
  version: uint64,
  data: fc.uint8Array({ maxLength: 50 }),
  contentType: text,
  schemaVersion: integer,
  takenAt: time,
});
const moment: fc.Arbitrary<AggregateMoment> = fc.oneof(
  uint64.map((version) => ({ kind: 'VERSION' as const, version })),
  uint64.map((position) => ({ kind: 'POSITION' as const, position })),
  time.map((one) => ({ kind: 'TIME' as const, time: one })),
);
const request = fc.record(
  {
    aggregate: stream,
    at: moment,
    includeDeleted: fc.constant(true),
    minPosition: fc.record({ position: uint64, epoch: positive }),
  },
  { requiredKeys: ['aggregate'] },
);
const list = fc.record(
  {
    aggregateType: name,
    deleted: fc.constantFrom<'EXCLUDE' | 'INCLUDE' | 'ONLY'>('EXCLUDE', 'INCLUDE', 'ONLY'),
    pageSize: integer,
    pageToken: name,
  },
  { requiredKeys: ['aggregateType'] },
);
const view = fc.record(
  { info, state: bytes, snapshot, events: fc.array(event, { maxLength: 3 }) },
  { requiredKeys: ['events'] },
);
const watched = fc.record(
  { info, state: bytes, position: uint64, epoch: uint64 },
  { requiredKeys: ['info', 'position', 'epoch'] },
);

describe('aggregates over the wire', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(request, view, watched, stream, (asked, one, seen, which) => {
        const sent = toBinary(GetAggregateRequestSchema, wire.toWireGetAggregateRequest(asked));
        expect(wire.fromWireGetAggregateRequest(fromBinary(GetAggregateRequestSchema, sent))).toEqual(asked);
        const answered = toBinary(GetAggregateResponseSchema, wire.toWireAggregateView(one));
        expect(wire.fromWireAggregateView(fromBinary(GetAggregateResponseSchema, answered))).toEqual(one);
        const told = toBinary(WatchAggregateResponseSchema, wire.toWireWatchedAggregate(seen));
        expect(wire.fromWireWatchedAggregate(fromBinary(WatchAggregateResponseSchema, told))).toEqual(seen);
        const watch = toBinary(WatchAggregateRequestSchema, wire.toWireWatchAggregateRequest(which));
        expect(wire.fromWireWatchAggregateRequest(fromBinary(WatchAggregateRequestSchema, watch))).toEqual(
          which,
        );
      }),
    );
  });

  it('are listed as they are', () => {
    const page = fc.record({
      aggregates: fc.array(info, { maxLength: 3 }),
      nextPageToken: fc.option(name, { nil: undefined }),
    });
    fc.assert(
      fc.property(list, page, (asked, answer) => {
        const sent = toBinary(ListAggregatesRequestSchema, wire.toWireListAggregatesRequest(asked));
        expect(wire.fromWireListAggregatesRequest(fromBinary(ListAggregatesRequestSchema, sent))).toEqual(
          asked,
        );
        const answered = toBinary(ListAggregatesResponseSchema, wire.toWireAggregateList(answer));
        expect(wire.fromWireAggregateList(fromBinary(ListAggregatesResponseSchema, answered))).toEqual(
          answer,
        );
      }),
    );
  });

  it('must be named, and listed by a type', () => {
    expect(violationsOf(() => wire.fromWireGetAggregateRequest(create(GetAggregateRequestSchema)))).toEqual([
      'aggregate',
    ]);
    const time = { case: 'time' as const, value: { seconds: 1n, nanos: 1 } };
    const odd = create(GetAggregateRequestSchema, { aggregate: {}, at: time });
    expect(violationsOf(() => wire.fromWireGetAggregateRequest(odd))).toEqual(['time.nanos']);
    const none = create(ListAggregatesRequestSchema, { deleted: 9 as DeletedStreams });
    expect(violationsOf(() => wire.fromWireListAggregatesRequest(none))).toEqual([
      'aggregate_type',
      'deleted',
    ]);
    expect(
      violationsOf(() => wire.fromWireWatchAggregateRequest(create(WatchAggregateRequestSchema))),
    ).toEqual(['aggregate']);
  });
});

describe('snapshots over the wire', () => {
  it('come out as they went in', () => {
    const kept = fc.record({
      stream,
      snapshot: fc.record(
        {
          version: uint64,
          data: fc.uint8Array({ maxLength: 50 }).map((data) => Buffer.from(data)),
          contentType: text,
          schemaVersion: integer,
        },
        { requiredKeys: ['version', 'data', 'contentType'] },
      ),
    });
    const wanted = fc.record({
      stream,
      wanted: fc.record({ upToVersion: positive, schemaVersion: integer }, { requiredKeys: [] }),
    });
    fc.assert(
      fc.property(kept, wanted, snapshot, stream, (save, want, found, whose) => {
        const saved = toBinary(SaveSnapshotRequestSchema, snapshots.toWireSaveSnapshotRequest(save));
        expect(snapshots.fromWireSaveSnapshotRequest(fromBinary(SaveSnapshotRequestSchema, saved))).toEqual(
          save,
        );
        const asked = toBinary(GetSnapshotRequestSchema, snapshots.toWireGetSnapshotRequest(want));
        expect(snapshots.fromWireGetSnapshotRequest(fromBinary(GetSnapshotRequestSchema, asked))).toEqual(
          want,
        );
        const answer = toBinary(GetSnapshotResponseSchema, snapshots.toWireGetSnapshotResponse(found));
        expect(snapshots.fromWireGetSnapshotResponse(fromBinary(GetSnapshotResponseSchema, answer))).toEqual(
          found,
        );
        const gone = toBinary(DeleteSnapshotsRequestSchema, snapshots.toWireDeleteSnapshotsRequest(whose));
        expect(
          snapshots.fromWireDeleteSnapshotsRequest(fromBinary(DeleteSnapshotsRequestSchema, gone)),
        ).toEqual(whose);
      }),
    );
  });

  it('must be named, and be there to be kept', () => {
    expect(
      violationsOf(() => snapshots.fromWireSaveSnapshotRequest(create(SaveSnapshotRequestSchema))),
    ).toEqual(['aggregate', 'snapshot']);
    expect(
      violationsOf(() => snapshots.fromWireGetSnapshotRequest(create(GetSnapshotRequestSchema))),
    ).toEqual(['aggregate']);
    expect(
      violationsOf(() => snapshots.fromWireDeleteSnapshotsRequest(create(DeleteSnapshotsRequestSchema))),
    ).toEqual(['aggregate']);
  });
});
