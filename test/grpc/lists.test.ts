import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DeletedStreams,
  EventStoreService,
  type ListStreamsResponse,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { ComparisonOperator, ValueKind } from '../../gen/headwater/v1/filter_pb.js';
import type { Plan } from '../../src/auth/plan.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { trustEverybody } from '../../src/grpc/desk.js';
import { denying, failureOf, startService, storeThat, unary } from './service.js';

const { countEvents, getLog, getStream, listAggregateTypes, listStreams } = EventStoreService.method;

async function fieldsOf(call: Promise<unknown>): Promise<string[]> {
  const { code, error } = await failureOf(call);
  expect(code).toBe(3);
  return 'violations' in error ? (error.violations as { field: string }[]).map(({ field }) => field) : [];
}

describe('what there is, on a real store', () => {
  let real: TestStore;
  beforeAll(async () => {
    real = await openTestStore();
    for (const aggregateId of ['a1', 'a2', 'b1', 'b2', 'b3']) {
      const stream = { aggregateType: aggregateId.startsWith('a') ? 'Account' : 'Booking', aggregateId };
      const events = ['1', '2'].map((amount) => ({
        eventType: 'Moved',
        data: Buffer.from('{}'),
        metadata: { amount },
      }));
      await real.store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    }
    const stream = { aggregateType: 'Booking', aggregateId: 'b2' };
    await real.store.deleteStream({ stream, expectedVersion: 2n });
  });
  afterAll(() => real.close());

  const idsOf = ({ streams }: ListStreamsResponse) => streams.map(({ stream }) => stream?.aggregateId);

  it('GetStream tells about one, also if it is deleted', async () => {
    const { raw } = await startService(real.store);
    const stream = { aggregateType: 'Booking', aggregateId: 'b1' };
    const { stream: info } = await unary(raw, getStream, { stream });
    expect(info).toMatchObject({ stream, version: 2n, firstVersion: 1n });
    expect(info?.deletedAt).toBeUndefined();
    expect(info?.retention).toBeUndefined();
    expect(info?.createdAt?.seconds).toBeGreaterThan(1_700_000_000n);
    const gone = await unary(raw, getStream, { stream: { ...stream, aggregateId: 'b2' } });
    expect(gone.stream).toMatchObject({ version: 3n });
    expect(gone.stream?.deletedAt?.seconds).toBeGreaterThan(1_700_000_000n);
  });

  it('GetStream is NOT_FOUND for one that never was, INVALID_ARGUMENT without one', async () => {
    const { raw } = await startService(real.store);
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    expect(await failureOf(unary(raw, getStream, { stream }))).toMatchObject({
      code: 5,
      error: { reason: 'STREAM_NOT_FOUND', stream },
    });
    expect(await fieldsOf(unary(raw, getStream, {}))).toEqual(['stream']);
    expect(await fieldsOf(unary(raw, getStream, { stream: { ...stream, aggregateType: '$x' } }))).toEqual([
      'stream.aggregate_type',
    ]);
  });

  it('ListStreams pages through them by type and id, without those that are deleted', async () => {
    const { raw } = await startService(real.store);
    const seen: unknown[] = [];
    let pageToken = '';
    let pages = 0;
    do {
      const page = await unary(raw, listStreams, { pageSize: 2, pageToken });
      seen.push(...idsOf(page));
      pageToken = page.nextPageToken;
      pages += 1;
    } while (pageToken !== '');
    expect(seen).toEqual(['a1', 'a2', 'b1', 'b3']);
    expect(pages).toBe(2);
  });

  it('ListStreams finds by type, prefix and deletion', async () => {
    const { raw } = await startService(real.store);
    expect(idsOf(await unary(raw, listStreams, { aggregateType: 'Booking' }))).toEqual(['b1', 'b3']);
    const all = { aggregateType: 'Booking', deleted: DeletedStreams.INCLUDE };
    expect(idsOf(await unary(raw, listStreams, all))).toEqual(['b1', 'b2', 'b3']);
    expect(idsOf(await unary(raw, listStreams, { deleted: DeletedStreams.ONLY }))).toEqual(['b2']);
    const prefixed = { aggregateType: 'Booking', aggregateIdPrefix: 'b3' };
    expect(idsOf(await unary(raw, listStreams, prefixed))).toEqual(['b3']);
  });

  it('ListStreams names what is wrong', async () => {
    const { raw } = await startService(real.store);
    expect(await fieldsOf(unary(raw, listStreams, { aggregateIdPrefix: 'b' }))).toEqual([
      'aggregate_id_prefix',
    ]);
    expect(await fieldsOf(unary(raw, listStreams, { pageSize: 1001 }))).toEqual(['page_size']);
    expect(await fieldsOf(unary(raw, listStreams, { pageToken: 'made up' }))).toEqual(['page_token']);
    expect(await fieldsOf(unary(raw, listStreams, { deleted: 9 as DeletedStreams }))).toEqual(['deleted']);
    const { nextPageToken } = await unary(raw, listStreams, { pageSize: 1 });
    const other = { pageSize: 1, pageToken: nextPageToken, aggregateType: 'Account' };
    expect(await fieldsOf(unary(raw, listStreams, other))).toEqual(['page_token']);
  });

  it('ListAggregateTypes counts streams and events, page by page', async () => {
    const { raw } = await startService(real.store);
    const first = await unary(raw, listAggregateTypes, { pageSize: 1 });
    expect(first.aggregateTypes).toMatchObject([
      { aggregateType: 'Account', streams: 2n, deletedStreams: 0n, events: 4n },
    ]);
    const second = await unary(raw, listAggregateTypes, { pageSize: 1, pageToken: first.nextPageToken });
    expect(second.aggregateTypes).toMatchObject([
      { aggregateType: 'Booking', streams: 2n, deletedStreams: 1n, events: 7n },
    ]);
    expect(second.nextPageToken).toBe('');
    expect(await fieldsOf(unary(raw, listAggregateTypes, { pageToken: '%' }))).toEqual(['page_token']);
  });

  it('CountEvents counts what a Load would give', async () => {
    const { raw } = await startService(real.store);
    expect(await unary(raw, countEvents, {})).toMatchObject({ count: 11n, position: 11n });
    const greater = {
      key: 'amount',
      operator: ComparisonOperator.GREATER,
      kind: ValueKind.NUMBER,
      values: ['1.5'],
    };
    expect(await unary(raw, countEvents, { filters: [{ metadata: [greater] }] })).toMatchObject({
      count: 5n,
    });
    const system = { filters: [{ eventTypes: ['$stream-deleted'] }] };
    expect(await unary(raw, countEvents, system)).toMatchObject({ count: 1n });
    const stream = { aggregateType: 'Booking', aggregateId: 'b2' };
    const scope = { case: 'stream', value: stream } as const;
    expect(await failureOf(unary(raw, countEvents, { scope }))).toMatchObject({
      code: 9,
      error: { reason: 'STREAM_DELETED', stream },
    });
    expect(await unary(raw, countEvents, { scope, includeDeleted: true })).toMatchObject({ count: 3n });
    expect(await fieldsOf(unary(raw, countEvents, { filters: [{ metadata: [{ key: 'a' }] }] }))).toEqual([
      'filters[0].metadata[0].operator',
    ]);
  });

  it('GetLog tells head, size, times and epochs', async () => {
    const { raw } = await startService(real.store);
    const log = await unary(raw, getLog, {});
    expect(log).toMatchObject({
      position: 11n,
      epoch: 1n,
      epochs: [{ epoch: 1n, startedAfterPosition: 0n }],
    });
    expect(log.bytes).toBeGreaterThan(0n);
    expect(log.oldest?.seconds).toBeGreaterThan(1_700_000_000n);
    expect(log.newest?.seconds).toBeGreaterThanOrEqual(log.oldest?.seconds ?? 0n);
  });
});

describe('what there is, for the policy', () => {
  const stream = { aggregateType: 'Account', aggregateId: '1' };

  it.each([
    { of: getStream, request: { stream }, action: 'get-stream', resources: [{ kind: 'STREAM', stream }] },
    { of: listStreams, request: {}, action: 'list-streams', resources: [{ kind: 'LOG' }] },
    {
      of: listStreams,
      request: { aggregateType: 'Account' },
      action: 'list-streams',
      resources: [{ kind: 'AGGREGATE_TYPE', aggregateType: 'Account' }],
    },
    { of: listAggregateTypes, request: {}, action: 'list-aggregate-types', resources: [{ kind: 'LOG' }] },
    { of: countEvents, request: {}, action: 'count-events', resources: [{ kind: 'LOG' }] },
    {
      of: countEvents,
      request: { scope: { case: 'aggregateTypes', value: { aggregateTypes: ['A', 'B'] } } },
      action: 'count-events',
      resources: [
        { kind: 'AGGREGATE_TYPE', aggregateType: 'A' },
        { kind: 'AGGREGATE_TYPE', aggregateType: 'B' },
      ],
    },
    { of: getLog, request: {}, action: 'get-log', resources: [{ kind: 'LOG' }] },
  ] as const)('is $action of $resources, and refused before the store is asked', async (row) => {
    const plans: Plan[] = [];
    const policy = {
      decide: (plan: Plan) => {
        plans.push(plan);
        return denying.decide(plan);
      },
    };
    const { raw } = await startService(storeThat({}), { access: { ...trustEverybody, ...policy } });
    const { action, of, request, resources } = row;
    expect(await failureOf(unary(raw, of, request as never))).toMatchObject({
      code: 7,
      error: { reason: 'POLICY_DENIED', action },
    });
    expect(plans).toMatchObject([{ action, resources }]);
  });
});
