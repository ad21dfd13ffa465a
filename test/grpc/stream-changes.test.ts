import { randomUUID } from 'node:crypto';
import type { DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventStoreService, type StreamChanged } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Plan } from '../../src/auth/plan.js';
import type { StreamChange } from '../../src/core/stream-changes.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { trustEverybody } from '../../src/grpc/desk.js';
import { denying, failureOf, startService, storeThat, unary } from './service.js';

const { method } = EventStoreService;
const any = { expectation: { case: 'any', value: {} } } as const;
const exact = (value: bigint) => ({ expectation: { case: 'exact', value } }) as const;

const CHANGES = [
  { rpc: 'DeleteStream', of: method.deleteStream, action: 'delete-stream', kind: 'DELETE', more: {} },
  { rpc: 'RestoreStream', of: method.restoreStream, action: 'restore-stream', kind: 'RESTORE', more: {} },
  {
    rpc: 'TruncateStream',
    of: method.truncateStream,
    action: 'truncate-stream',
    kind: 'TRUNCATE',
    more: { beforeVersion: 2n },
  },
  {
    rpc: 'SetRetention',
    of: method.setRetention,
    action: 'set-retention',
    kind: 'SET_RETENTION',
    more: { retention: { maxCount: 5n } },
  },
  { rpc: 'EraseStream', of: method.eraseStream, action: 'erase-stream', kind: 'ERASE', more: {} },
  {
    rpc: 'EraseEvents',
    of: method.eraseEvents,
    action: 'erase-events',
    kind: 'ERASE_EVENTS',
    more: { versions: [{ first: 1n, last: 1n }] },
  },
] as const;

describe.each(CHANGES)('$rpc', ({ of, action, kind, more }) => {
  const rpc: DescMethod = of;
  const stream = { aggregateType: 'Account', aggregateId: '1' };
  type Request = MessageInitShape<typeof rpc.input>;

  it('is one change of the stream for the store, and for the policy', async () => {
    const seen: StreamChange[] = [];
    const plans: Plan[] = [];
    const store = storeThat({
      changeStream: async (change) => {
        seen.push(change);
        return {
          stream,
          version: 4n,
          position: 9n,
          epoch: 2n,
          eventId: randomUUID(),
          recordedAt: 1_700_000_000_123_456n,
          deduplicated: true,
        };
      },
    });
    const policy = {
      decide: (plan: Plan) => {
        plans.push(plan);
        return trustEverybody.decide(plan);
      },
    };
    const { raw } = await startService(store, { access: { ...trustEverybody, ...policy } });
    const eventId = randomUUID();
    const change = { stream, expectedVersion: exact(3n), eventId, metadata: { why: 'test' } };
    const answer = await unary(raw, rpc, { change, ...more } as Request);
    expect(answer).toMatchObject({
      changed: {
        version: { stream, version: 4n },
        position: 9n,
        epoch: 2n,
        recordedAt: { seconds: 1_700_000_000n, nanos: 123_456_000 },
        deduplicated: true,
      },
    });
    expect(seen).toEqual([
      { stream, expectedVersion: 3n, eventId, metadata: { why: 'test' }, kind, ...more },
    ]);
    expect(plans).toMatchObject([{ action, resources: [{ kind: 'STREAM', stream }] }]);
  });

  it('is INVALID_ARGUMENT without a change, a stream or an expected version', async () => {
    const { raw } = await startService(storeThat({}));
    const violated = async (request: object) => {
      const failure = await failureOf(unary(raw, rpc, request as Request));
      expect(failure).toMatchObject({ code: 3, error: { reason: 'INVALID_REQUEST' } });
      return 'violations' in failure.error ? failure.error.violations : [];
    };
    expect(await violated(more)).toMatchObject([{ field: 'change', description: 'must be set' }]);
    expect(await violated({ change: {}, ...more })).toMatchObject([
      { field: 'change.stream' },
      { field: 'change.expected_version' },
    ]);
    expect(await violated({ change: { stream, expectedVersion: {} }, ...more })).toMatchObject([
      { field: 'change.expected_version' },
    ]);
  });

  it('is refused by the policy before the store is asked', async () => {
    const { raw } = await startService(storeThat({}), { access: denying });
    const change = { stream, expectedVersion: any };
    expect(await failureOf(unary(raw, rpc, { change, ...more } as Request))).toMatchObject({
      code: 7,
      error: { reason: 'POLICY_DENIED', action },
    });
  });
});

describe('a change of a stream on a real store', () => {
  let real: TestStore;
  beforeAll(async () => {
    real = await openTestStore();
  });
  afterAll(() => real.close());

  const streamOf = async (count: number) => {
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    const events = Array.from({ length: count }, () => ({ eventType: 'Moved', data: Buffer.from('{}') }));
    await real.store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    return stream;
  };

  it('deletes and restores, each an event of its own, and says so to those who come too late', async () => {
    const { raw } = await startService(real.store);
    const stream = await streamOf(2);
    const deleted = await unary(raw, method.deleteStream, { change: { stream, expectedVersion: exact(2n) } });
    expect(deleted.changed).toMatchObject({ version: { stream, version: 3n }, deduplicated: false });
    expect(deleted.changed?.eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    const append = { streams: [{ stream, expectedVersion: any, events: [{ eventType: 'Moved' }] }] };
    expect(await failureOf(unary(raw, method.append, append))).toMatchObject({
      code: 9,
      error: { reason: 'STREAM_DELETED', stream, outcome: 'NOT_APPLIED' },
    });
    const again = { change: { stream, expectedVersion: any } };
    expect(await failureOf(unary(raw, method.deleteStream, again))).toMatchObject({
      code: 9,
      error: { reason: 'STREAM_DELETED', stream },
    });
    const restored = await unary(raw, method.restoreStream, again);
    expect(restored.changed).toMatchObject({ version: { version: 4n } });
    expect(await failureOf(unary(raw, method.restoreStream, again))).toMatchObject({
      code: 9,
      error: { reason: 'STREAM_NOT_DELETED', stream, outcome: 'NOT_APPLIED' },
    });
  });

  it('is ABORTED at another version, NOT_FOUND where there is no stream', async () => {
    const { raw } = await startService(real.store);
    const stream = await streamOf(2);
    const change = { stream, expectedVersion: exact(1n) };
    expect(await failureOf(unary(raw, method.deleteStream, { change }))).toMatchObject({
      code: 10,
      error: { reason: 'WRONG_EXPECTED_VERSION', conflicts: [{ stream, expected: 1n, actual: 2n }] },
    });
    const nowhere = { aggregateType: 'Account', aggregateId: randomUUID() };
    const missing = { change: { stream: nowhere, expectedVersion: any } };
    expect(await failureOf(unary(raw, method.eraseStream, missing))).toMatchObject({
      code: 5,
      error: { reason: 'STREAM_NOT_FOUND', stream: nowhere },
    });
  });

  it('sent again with its id is answered as the first time; the id of something else is ALREADY_EXISTS', async () => {
    const { raw } = await startService(real.store);
    const stream = await streamOf(3);
    const change = { stream, expectedVersion: exact(3n), eventId: randomUUID() };
    const first = await unary(raw, method.truncateStream, { change, beforeVersion: 3n });
    const second = await unary(raw, method.truncateStream, { change, beforeVersion: 3n });
    const same = ({ version, position, recordedAt }: StreamChanged) => ({ version, position, recordedAt });
    if (!first.changed || !second.changed) throw new Error('no answer');
    expect(same(second.changed)).toEqual(same(first.changed));
    expect([first.changed.deduplicated, second.changed.deduplicated]).toEqual([false, true]);
    const other = unary(raw, method.truncateStream, { change, beforeVersion: 2n });
    expect(await failureOf(other)).toMatchObject({
      code: 6,
      error: { reason: 'EVENT_ID_REUSED', eventId: change.eventId, position: first.changed.position },
    });
  });

  it('is INVALID_ARGUMENT with the field for what is out of range', async () => {
    const { raw } = await startService(real.store);
    const stream = await streamOf(1);
    const change = { stream, expectedVersion: any };
    const fieldsOf = async (call: Promise<unknown>) => {
      const { code, error } = await failureOf(call);
      expect(code).toBe(3);
      return 'violations' in error ? (error.violations as { field: string }[]).map(({ field }) => field) : [];
    };
    expect(await fieldsOf(unary(raw, method.truncateStream, { change }))).toEqual(['before_version']);
    expect(await fieldsOf(unary(raw, method.truncateStream, { change, beforeVersion: 3n }))).toEqual([
      'before_version',
    ]);
    const retention = (maxAge: { seconds: bigint; nanos?: number }) =>
      fieldsOf(unary(raw, method.setRetention, { change, retention: { maxAge } }));
    expect(await retention({ seconds: 0n, nanos: 999_000_000 })).toEqual(['retention.max_age']);
    expect(await retention({ seconds: -5n })).toEqual(['retention.max_age']);
    expect(await retention({ seconds: 5n, nanos: 1 })).toEqual(['retention.max_age.nanos']);
    expect(await fieldsOf(unary(raw, method.eraseEvents, { change }))).toEqual(['versions']);
    expect(await fieldsOf(unary(raw, method.eraseEvents, { change, versions: [{ first: 1n }] }))).toEqual([
      'versions[0].last',
    ]);
    const far = { change, versions: [{ first: 1n, last: 2n }] };
    expect(await fieldsOf(unary(raw, method.eraseEvents, far))).toHaveLength(1);
    const reserved = { change: { ...change, stream: { aggregateType: '$all', aggregateId: '1' } } };
    expect(await fieldsOf(unary(raw, method.deleteStream, reserved))).toEqual([
      'change.stream.aggregate_type',
    ]);
    const noId = { change: { ...change, eventId: 'x' } };
    expect(await fieldsOf(unary(raw, method.deleteStream, noId))).toEqual(['change.event_id']);
  });

  it('lifts what is kept where no limit is set', async () => {
    const { raw } = await startService(real.store);
    const stream = await streamOf(1);
    const change = { stream, expectedVersion: any };
    const maxAge = { seconds: 3600n, nanos: 1000 };
    await unary(raw, method.setRetention, { change, retention: { maxAge, maxCount: 7n } });
    expect((await unary(raw, method.getStream, { stream })).stream).toMatchObject({
      retention: { maxAge, maxCount: 7n },
    });
    await unary(raw, method.setRetention, { change });
    expect((await unary(raw, method.getStream, { stream })).stream?.retention).toBeUndefined();
  });
});
