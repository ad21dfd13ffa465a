import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ConsumeRequestSchema,
  ConsumeResponseSchema,
  CreateGroupRequestSchema,
  CreateGroupResponseSchema,
  GetGroupResponseSchema,
  ListGroupsRequestSchema,
  ListParkedRequestSchema,
  ListParkedResponseSchema,
  ReplayParkedRequestSchema,
  ResetGroupRequestSchema,
  UpdateGroupRequestSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type {
  ConsumerGroup,
  CreateGroupRequest,
  Delivery,
  GroupSettings,
  GroupState,
  ParkedStream,
} from '../../src/core/consumer-groups.js';
import type { EventSelection } from '../../src/core/selection.js';
import type { SubscribeStart } from '../../src/core/subscribe.js';
import { briefReason } from '../../src/core/validate-group.js';
import {
  fromWireCreatedGroup,
  fromWireCreateGroupRequest,
  fromWireGroupState,
  fromWireListGroupsRequest,
  fromWireResetGroupRequest,
  fromWireUpdateGroupRequest,
  toWireCreatedGroup,
  toWireCreateGroupRequest,
  toWireGroupState,
  toWireResetGroupRequest,
  toWireUpdateGroupRequest,
} from '../../src/wire/consumer-group.js';
import {
  type FromConsumer,
  fromWireFromConsumer,
  fromWireToConsumer,
  type ToConsumer,
  toWireFromConsumer,
  toWireToConsumer,
} from '../../src/wire/consume.js';
import { encodeDeliver } from '../../src/wire/encode-page.js';
import {
  fromWireListParkedRequest,
  fromWireParkedList,
  fromWireReplayParkedRequest,
  toWireListParkedRequest,
  toWireParkedList,
  toWireReplayParkedRequest,
} from '../../src/wire/parked-stream.js';
import { event, text, time, uint64 } from './arbitraries.js';
import { violationsOf } from './violations.js';

const plain = fc.string({ unit: fc.constantFrom('A', 'b', 'é', '1', '_'), minLength: 1, maxLength: 20 });
const position = fc.bigInt(1n, 2n ** 63n - 1n);
const stream = fc.record({ aggregateType: plain, aggregateId: plain });
const count = fc.integer({ min: 1, max: 1000 });

const selection: fc.Arbitrary<EventSelection> = fc.record(
  {
    scope: fc.oneof(
      stream.map((one) => ({ kind: 'STREAM' as const, stream: one })),
      fc.array(plain, { minLength: 1, maxLength: 3 }).map((aggregateTypes) => ({
        kind: 'AGGREGATE_TYPES' as const,
        aggregateTypes,
      })),
    ),
    filters: fc.array(fc.record({ eventTypes: fc.array(plain, { minLength: 1, maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  { requiredKeys: [] },
);

const settings: fc.Arbitrary<GroupSettings> = fc.record({
  ackTimeoutMs: fc.integer({ min: 1000, max: 3_600_000 }),
  maxAttempts: count,
  retryDelayMs: fc.integer({ min: 0, max: 3_600_000 }),
  maxRetryDelayMs: fc.integer({ min: 3_600_000, max: 86_400_000 }),
});

const start: fc.Arbitrary<SubscribeStart> = fc.oneof(
  fc.constantFrom<SubscribeStart>({ kind: 'BEGINNING' }, { kind: 'END' }),
  position.map((at): SubscribeStart => ({ kind: 'AFTER', after: { position: at, epoch: 3n } })),
  time.map((at): SubscribeStart => ({ kind: 'TIME', time: at })),
);

const group: fc.Arbitrary<ConsumerGroup> = fc.record({
  name: plain,
  selection,
  settings,
  slots: fc.integer({ min: 1, max: 1024 }),
  createdAt: time,
});

const delivery: fc.Arbitrary<Delivery> = fc.record({
  events: fc.array(event, { maxLength: 3 }),
  attempt: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  replayed: fc.boolean(),
});

describe('requests about groups', () => {
  it('are the same on the other side, whatever they name', () => {
    const request: fc.Arbitrary<CreateGroupRequest> = fc.record(
      { name: plain, selection, start, settings, slots: fc.integer({ min: 1, max: 1024 }) },
      { requiredKeys: ['name'] },
    );
    fc.assert(
      fc.property(request, stream, fc.boolean(), (given, parked, skipFirst) => {
        const created = toBinary(CreateGroupRequestSchema, toWireCreateGroupRequest(given));
        expect(fromWireCreateGroupRequest(fromBinary(CreateGroupRequestSchema, created))).toEqual(given);
        const { slots: _slots, start: from, ...change } = given;
        const updated = toBinary(UpdateGroupRequestSchema, toWireUpdateGroupRequest(change));
        expect(fromWireUpdateGroupRequest(fromBinary(UpdateGroupRequestSchema, updated))).toEqual(change);
        const moved = { name: given.name, ...(from ? { start: from } : {}) };
        expect(fromWireResetGroupRequest(toWireResetGroupRequest(moved))).toEqual(moved);
        const replayed = { group: given.name, stream: parked, ...(skipFirst ? { skipFirst } : {}) };
        expect(fromWireReplayParkedRequest(toWireReplayParkedRequest(replayed))).toEqual(replayed);
        const page = { group: given.name, pageSize: 7, pageToken: 'x' };
        expect(fromWireListParkedRequest(toWireListParkedRequest(page))).toEqual(page);
      }),
      { numRuns: 300 },
    );
  });

  it('are refused with every field that is wrong, by its name in the proto', () => {
    const wrong = (request: MessageInitShape<typeof CreateGroupRequestSchema>) =>
      violationsOf(() => fromWireCreateGroupRequest(create(CreateGroupRequestSchema, request)));
    expect(wrong({})).toEqual(['name']);
    expect(wrong({ name: '$mine' })).toEqual(['name']);
    expect(wrong({ name: 'a\nb', slots: 1025 })).toEqual(['name', 'slots']);
    expect(wrong({ name: 'x'.repeat(256) })).toEqual(['name']);
    expect(
      wrong({
        name: 'g',
        selection: { scope: { case: 'stream', value: { aggregateType: '', aggregateId: 'x' } } },
        start: { start: { case: 'after', value: { position: 2n ** 63n } } },
        settings: { ackTimeout: { seconds: 3601n }, maxAttempts: 1001, retryDelay: { seconds: 3601n } },
      }),
    ).toEqual([
      'selection.stream.aggregate_type',
      'start.after.position',
      'settings.ack_timeout',
      'settings.max_attempts',
      'settings.retry_delay',
    ]);
    expect(wrong({ name: 'g', settings: { ackTimeout: { nanos: 999_000_000 } } })).toEqual([
      'settings.ack_timeout',
    ]);
    expect(wrong({ name: 'g', settings: { retryDelay: { nanos: 1000 } } })).toEqual(['settings.retry_delay']);
    expect(
      wrong({ name: 'g', settings: { retryDelay: { seconds: 5n }, maxRetryDelay: { seconds: 4n } } }),
    ).toEqual(['settings.max_retry_delay']);
    expect(wrong({ name: 'g', settings: { retryDelay: { seconds: -1n } } })).toEqual([
      'settings.retry_delay',
    ]);
    const names = Array.from({ length: 100 }, (_, index) => `${index}${'x'.repeat(250)}`);
    const filters = Array.from({ length: 16 }, () => ({ eventTypes: names }));
    expect(wrong({ name: 'g', selection: { filters } })).toEqual(['selection']);
  });

  it('about pages are refused over the limit', () => {
    const pages = [
      () => fromWireListGroupsRequest(create(ListGroupsRequestSchema, { pageSize: 1001 })),
      () => fromWireListParkedRequest(create(ListParkedRequestSchema, { pageSize: 1001 })),
      () => fromWireReplayParkedRequest(create(ReplayParkedRequestSchema, { group: 'g', stream: {} })),
      () => fromWireResetGroupRequest(create(ResetGroupRequestSchema)),
    ];
    expect(pages.map(violationsOf)).toEqual([
      ['page_size'],
      ['group', 'page_size'],
      ['stream.aggregate_type', 'stream.aggregate_id'],
      ['name'],
    ]);
  });
});

describe('what a service says about groups', () => {
  it('is the same on the other side', () => {
    const state: fc.Arbitrary<GroupState> = fc.record({
      group,
      position: fc.record({ position, epoch: position }),
      lag: uint64,
      members: fc.array(fc.record({ memberId: text, name: text, slots: count, joinedAt: time }), {
        maxLength: 3,
      }),
      parked: uint64,
    });
    const parked: fc.Arbitrary<ParkedStream> = fc.record({
      stream,
      position,
      version: position,
      eventType: text,
      eventId: text,
      attempts: count,
      reason: text,
      parkedAt: time,
      replaying: fc.boolean(),
    });
    fc.assert(
      fc.property(state, parked, fc.boolean(), (given, one, created) => {
        const bytes = toBinary(GetGroupResponseSchema, toWireGroupState(given));
        expect(fromWireGroupState(fromBinary(GetGroupResponseSchema, bytes))).toEqual(given);
        const list = { parked: [one], nextPageToken: created ? 'next' : undefined };
        const page = toBinary(ListParkedResponseSchema, toWireParkedList(list));
        expect(fromWireParkedList(fromBinary(ListParkedResponseSchema, page))).toEqual(list);
        const made = { ...given.group, created };
        const answer = toBinary(CreateGroupResponseSchema, toWireCreatedGroup(made));
        expect(fromWireCreatedGroup(fromBinary(CreateGroupResponseSchema, answer))).toEqual(made);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what a consumer says', () => {
  it('is the same on the other side', () => {
    const said: fc.Arbitrary<FromConsumer> = fc.oneof(
      fc
        .record(
          { group: plain, memberName: plain, maxInFlight: fc.integer({ min: 1, max: 10_000 }) },
          { requiredKeys: ['group', 'memberName'] },
        )
        .map((request) => ({ kind: 'JOIN' as const, request })),
      fc.record({
        kind: fc.constant('ACK' as const),
        correlation: uint64,
        positions: fc.array(position, { minLength: 1, maxLength: 5 }),
      }),
      fc.record({
        kind: fc.constant('NACK' as const),
        correlation: uint64,
        nack: fc.record({
          position,
          reason: plain,
          action: fc.constantFrom(
            { kind: 'RETRY' as const },
            { kind: 'RETRY' as const, afterMs: 0 },
            { kind: 'RETRY' as const, afterMs: 86_400_000 },
            { kind: 'PARK' as const },
            { kind: 'SKIP' as const },
          ),
        }),
      }),
      fc.record({ kind: fc.constant('CREDIT' as const), maxInFlight: fc.integer({ min: 0, max: 10_000 }) }),
      fc.constant<FromConsumer>({ kind: 'LEAVE' }),
    );
    fc.assert(
      fc.property(said, (given) => {
        const bytes = toBinary(ConsumeRequestSchema, toWireFromConsumer(given));
        expect(fromWireFromConsumer(fromBinary(ConsumeRequestSchema, bytes))).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused with the field that is wrong', () => {
    type Message = NonNullable<MessageInitShape<typeof ConsumeRequestSchema>['message']>;
    const wrong = (message?: Message) =>
      violationsOf(() =>
        fromWireFromConsumer(create(ConsumeRequestSchema, message === undefined ? {} : { message })),
      );
    expect(wrong()).toEqual(['message']);
    expect(wrong({ case: 'join', value: { maxInFlight: 10_001, memberName: 'x'.repeat(256) } })).toEqual([
      'join.group',
      'join.member_name',
      'join.max_in_flight',
    ]);
    expect(wrong({ case: 'ack', value: {} })).toEqual(['ack.positions']);
    expect(wrong({ case: 'ack', value: { positions: [1n, 0n] } })).toEqual(['ack.positions[1]']);
    expect(wrong({ case: 'ack', value: { positions: Array.from({ length: 10_001 }, () => 1n) } })).toEqual([
      'ack.positions',
    ]);
    expect(wrong({ case: 'nack', value: {} })).toEqual(['nack.position']);
    const retryAfter = { case: 'retryAfter' as const, value: { seconds: 86_401n } };
    expect(wrong({ case: 'nack', value: { position: 1n, action: retryAfter } })).toEqual([
      'nack.retry_after',
    ]);
    expect(wrong({ case: 'credit', value: { maxInFlight: 10_001 } })).toEqual(['credit.max_in_flight']);
  });

  it('of why it failed is cut where it is too long, and never refused', () => {
    expect(briefReason('x'.repeat(1024))).toBe('x'.repeat(1024));
    const cut = briefReason('€'.repeat(1000));
    expect(cut.endsWith('€…')).toBe(true);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(cut)).toBeGreaterThan(1020);
    expect(briefReason('a\u0000b\ud800')).toBe('a\ufffdb\ufffd');
  });
});

describe('what a consumer is told', () => {
  const told: fc.Arbitrary<ToConsumer> = fc.oneof(
    fc.record({ kind: fc.constant('JOINED' as const), memberId: text, ackTimeoutMs: count }),
    fc.record({ kind: fc.constant('RESULT' as const), correlation: uint64, lost: fc.array(position) }),
    fc.record({ kind: fc.constant('REVOKED' as const), positions: fc.array(position) }),
    fc.constant<ToConsumer>({ kind: 'DRAINING' }),
    fc.record({ kind: fc.constant('DELIVER' as const), deliveries: fc.array(delivery, { maxLength: 4 }) }),
  );

  it('is the same on the other side', () => {
    fc.assert(
      fc.property(told, (given) => {
        const bytes = toBinary(ConsumeResponseSchema, toWireToConsumer(given));
        expect(fromWireToConsumer(fromBinary(ConsumeResponseSchema, bytes))).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it('is, for deliveries, encoded by hand to the bytes that the library makes', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 4 }), (deliveries) => {
        const library = toBinary(ConsumeResponseSchema, toWireToConsumer({ kind: 'DELIVER', deliveries }));
        expect(encodeDeliver(deliveries).equals(library)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
