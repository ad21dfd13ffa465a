import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventStoreService, OnConflict } from '../../gen/headwater/v1/event_store_service_pb.js';
import { InternalError, InvalidRequestError } from '../../src/core/errors.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { denying, failureOf, startService, storeThat, unary, unaryBytes, until } from './service.js';

const { append } = EventStoreService.method;
const any = { expectation: { case: 'any', value: {} } } as const;
const exact = (value: bigint) => ({ expectation: { case: 'exact', value } }) as const;
const noStream = { expectation: { case: 'noStream', value: {} } } as const;

const newStream = () => ({ aggregateType: 'Account', aggregateId: randomUUID() });
const opened = () => ({ eventType: 'Opened', data: Buffer.from('{}') });

describe('Append on a real store', () => {
  let real: TestStore;
  beforeAll(async () => {
    real = await openTestStore();
  });
  afterAll(() => real.close());

  it('answers positions, versions and the ids that it made', async () => {
    const { raw } = await startService(real.store);
    const stream = newStream();
    const { outcome } = await unary(raw, append, {
      streams: [{ stream, expectedVersion: noStream, events: [opened(), opened()] }],
    });
    if (outcome.case !== 'appended') throw new Error('refused');
    const { value } = outcome;
    expect(value.lastPosition).toBe(value.firstPosition + 1n);
    expect(value.versions).toMatchObject([{ stream, version: 2n }]);
    expect(value.eventIds).toHaveLength(2);
    expect(value.recordedAt?.seconds).toBeGreaterThan(1_700_000_000n);
    expect(value.deduplicated).toBe(false);
  });

  it('is ABORTED with the first stream that failed, or refused in the body with all', async () => {
    const { raw } = await startService(real.store);
    const streams = [newStream(), newStream()].map((stream) => ({
      stream,
      expectedVersion: noStream,
      events: [opened()],
    }));
    await unary(raw, append, { streams });
    const again = streams.map((entry) => ({ ...entry, events: [opened()] }));
    expect(await failureOf(unary(raw, append, { streams: again }))).toMatchObject({
      code: 10,
      error: {
        reason: 'WRONG_EXPECTED_VERSION',
        count: 2,
        outcome: 'NOT_APPLIED',
        conflicts: [{ actual: 1n }],
      },
    });
    const { outcome } = await unary(raw, append, { streams: again, onConflict: OnConflict.RETURN });
    expect(outcome).toMatchObject({
      case: 'refused',
      value: { conflicts: [{ actual: 1n }, { actual: 1n }] },
    });
  });

  it('is ABORTED where an event breaks its condition, with the position of that event, or refused in the body', async () => {
    const { raw } = await startService(real.store);
    const tag = `seat:${randomUUID()}`;
    const booking = (after?: { position: bigint; epoch: bigint }) => ({
      streams: [{ stream: newStream(), expectedVersion: noStream, events: [{ ...opened(), tags: [tag] }] }],
      condition: { items: [{ eventTypes: ['Opened'], tags: [tag] }], ...(after ? { after } : {}) },
    });
    const { outcome } = await unary(raw, append, booking());
    if (outcome.case !== 'appended') throw new Error('refused');
    const { firstPosition: position, epoch } = outcome.value;
    expect(await failureOf(unary(raw, append, booking()))).toMatchObject({
      code: 10,
      error: { reason: 'APPEND_CONDITION_FAILED', position, outcome: 'NOT_APPLIED' },
    });
    const refused = await unary(raw, append, { ...booking(), onConflict: OnConflict.RETURN });
    expect(refused.outcome).toMatchObject({
      case: 'refused',
      value: { conflicts: [], conditionFailedAt: position, interveningEvents: [], truncated: false },
    });
    expect((await unary(raw, append, booking({ position, epoch }))).outcome.case).toBe('appended');
  });

  it('sends along what came between, within the bytes that were asked for', async () => {
    const { raw } = await startService(real.store);
    const stream = newStream();
    const events = ['a', 'b', 'c'].map((text) => ({ ...opened(), data: Buffer.from(text.repeat(1000)) }));
    await unary(raw, append, { streams: [{ stream, expectedVersion: noStream, events }] });
    const stale = {
      streams: [{ stream, expectedVersion: exact(1n), events: [opened()] }],
      onConflict: OnConflict.RETURN,
    };
    const ask = async (interveningBytes: number) => {
      const { outcome } = await unary(raw, append, { ...stale, interveningBytes });
      if (outcome.case !== 'refused') throw new Error('not refused');
      const { conflicts, interveningEvents, truncated } = outcome.value;
      expect(conflicts).toMatchObject([{ stream, actual: 3n }]);
      return { versions: interveningEvents.map(({ version }) => version), truncated };
    };
    expect(await ask(0)).toEqual({ versions: [], truncated: false });
    expect(await ask(1024 * 1024)).toEqual({ versions: [2n, 3n], truncated: false });
    expect(await ask(1500)).toEqual({ versions: [2n], truncated: true });
    expect(
      await failureOf(unary(raw, append, { ...stale, interveningBytes: 1024 * 1024 + 1 })),
    ).toMatchObject({
      code: 3,
      error: { violations: [{ field: 'intervening_bytes' }] },
    });
  });

  it('names what is wrong with a condition, and a position that is not of this log', async () => {
    const { raw } = await startService(real.store);
    const streams = [{ stream: newStream(), expectedVersion: any, events: [opened()] }];
    const fields = async (condition: NonNullable<MessageInitShape<typeof append.input>['condition']>) => {
      const { code, error } = await failureOf(unary(raw, append, { streams, condition }));
      expect(code).toBe(3);
      return error instanceof InvalidRequestError ? error.violations.map(({ field }) => field) : error.reason;
    };
    expect(await fields({})).toEqual(['condition.items']);
    expect(await fields({ items: [{}, { eventTypes: [''], tags: ['a\n'] }] })).toEqual([
      'condition.items[1].event_types[0]',
      'condition.items[1].tags[0]',
    ]);
    expect(await fields({ items: Array.from({ length: 101 }, () => ({})) })).toEqual(['condition.items']);
    const after = { position: 2n ** 60n };
    expect(await failureOf(unary(raw, append, { streams, condition: { items: [{}], after } }))).toMatchObject(
      {
        code: 3,
        error: { reason: 'POSITION_UNKNOWN', position: after.position, outcome: 'NOT_APPLIED' },
      },
    );
  });

  it('takes the types of the store in a condition, and refuses them in an event and as an aggregate type', async () => {
    const { raw } = await startService(real.store);
    const stream = newStream();
    const condition = { items: [{ eventTypes: ['$stream-erased'] }] };
    const streams = [{ stream, expectedVersion: any, events: [opened()] }];
    expect((await unary(raw, append, { streams, condition })).outcome.case).toBe('appended');
    const reserved = [
      {
        stream: { ...stream, aggregateType: '$Account' },
        expectedVersion: any,
        events: [{ ...opened(), eventType: '$stream-erased' }],
      },
    ];
    expect(await failureOf(unary(raw, append, { streams: reserved }))).toMatchObject({
      code: 3,
      error: {
        violations: [
          { field: 'streams[0].stream.aggregate_type' },
          { field: 'streams[0].events[0].event_type' },
        ],
      },
    });
  });

  it('is INVALID_ARGUMENT with a field path for what is not set and for what is over a limit', async () => {
    const { raw } = await startService(real.store);
    const shape = await failureOf(unary(raw, append, { streams: [{ stream: newStream() }] }));
    expect(shape).toMatchObject({
      code: 3,
      error: { violations: [{ field: 'streams[0].expected_version' }] },
    });
    const events = [{ ...opened(), data: Buffer.alloc(1024 * 1024 + 1) }];
    const size = await failureOf(
      unary(raw, append, { streams: [{ stream: newStream(), expectedVersion: any, events }] }),
    );
    expect(size).toMatchObject({ code: 3, error: { violations: [{ field: 'streams[0].events[0].data' }] } });
  });
});

describe('Append', () => {
  const never = () => new Promise<never>(() => undefined);

  it('is INVALID_ARGUMENT where a string is not UTF-8, not INTERNAL', async () => {
    const { raw } = await startService(storeThat({}));
    const failure = await failureOf(
      unaryBytes(raw, append, Buffer.from([0x0a, 0x04, 0x0a, 0x02, 0x0a, 0xff])),
    );
    expect(failure.code).toBe(3);
    expect(failure.error).toBeInstanceOf(InvalidRequestError);
  });

  it('is refused by the transport above 6 MiB', async () => {
    const { raw } = await startService(storeThat({}));
    const { code } = await failureOf(unaryBytes(raw, append, Buffer.alloc(6 * 1024 * 1024 + 1)));
    expect(code).toBe(8);
  });

  it('is refused with more than 8 KiB of metadata', async () => {
    const { raw } = await startService(storeThat({}));
    const metadata = new Metadata();
    metadata.set('x-much', 'x'.repeat(9000));
    expect(await failureOf(unary(raw, append, {}, { metadata }))).toMatchObject({
      code: 3,
      error: { violations: [{ field: 'metadata' }] },
    });
  });

  it('ends for the store when the client cancels, and frees the call', async () => {
    let signal: AbortSignal | undefined;
    const { raw, server } = await startService(
      storeThat({
        append: (_request: unknown, options?: { signal?: AbortSignal }) => {
          signal = options?.signal;
          return never();
        },
      }),
    );
    const call = unary(raw, append, {}, { deadlineMs: 2000 });
    expect((await failureOf(call)).code).toBe(4);
    await until(() => signal?.aborted === true, 'the signal');
    await until(() => server.openCalls === 0, 'no open call');
  });

  it('has a deadline of its own where the client set none, or one too far off', async () => {
    const { raw } = await startService(storeThat({ append: never }), {
      defaultDeadlineMs: 50,
      longestDeadlineMs: 100,
    });
    const none = await failureOf(unary(raw, append, {}));
    expect(none).toMatchObject({ code: 4, error: { reason: 'DEADLINE_EXCEEDED', outcome: 'UNKNOWN' } });
    expect(none.error.message).toContain('50 ms');
    expect((await failureOf(unary(raw, append, {}, { deadlineMs: 60_000 }))).error.message).toContain(
      '100 ms',
    );
  });

  it('answers an unforeseen exception with a bland INTERNAL, and logs it without what the caller sent', async () => {
    const { raw, logged } = await startService(
      storeThat({
        append: () => {
          throw new RangeError('secret payload');
        },
      }),
    );
    const { code, error } = await failureOf(unary(raw, append, {}));
    expect(code).toBe(13);
    expect(error).toBeInstanceOf(InternalError);
    expect(error.message).not.toContain('secret');
    const [line] = logged;
    expect(line).toMatchObject({ level: 'error', fields: { error: 'RangeError' } });
    expect(line?.fields['error_id']).toBe(error instanceof InternalError ? error.errorId : '');
    expect(JSON.stringify(line)).not.toContain('secret');
  });

  it('is refused by the policy before the store is asked', async () => {
    const { raw } = await startService(storeThat({}), { access: denying });
    expect(await failureOf(unary(raw, append, {}))).toMatchObject({
      code: 7,
      error: { reason: 'POLICY_DENIED', action: 'append' },
    });
  });
});
