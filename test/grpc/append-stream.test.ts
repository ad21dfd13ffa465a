import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import type { StatusObject } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type AppendStreamRequest,
  AppendStreamRequestSchema,
  type AppendStreamResponse,
  AppendStreamResponseSchema,
  EventStoreService,
  type PipelinedAppendResult,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Appended, AppendRequest, Refused } from '../../src/core/append.js';
import { OverloadedError } from '../../src/core/errors.js';
import { fromWireStatus } from '../../src/wire/errors.js';
import { openTestStore } from '../support/test-database.js';
import { bidi, eventAt, startService, statusOf, storeThat, type TestService, until } from './service.js';

const any = { expectation: { case: 'any', value: {} } } as const;
const noStream = { expectation: { case: 'noStream', value: {} } } as const;
const opened = { eventType: 'Opened', data: Buffer.from('{}') };

/** A call, its results as they come, and its status. */
function pipeline({ raw }: TestService) {
  const call = bidi(raw, EventStoreService.method.appendStream);
  const results: PipelinedAppendResult[] = [];
  let messages = 0;
  call.on('data', (message: AppendStreamResponse) => {
    messages += 1;
    results.push(...message.results);
  });
  const status = new Promise<StatusObject>((resolve) => call.on('status', resolve));
  return { call, results, status, messages: () => messages };
}

function request(
  correlations: readonly number[],
  { stream = { aggregateType: 'Account', aggregateId: 'one' }, size = 1 } = {},
): AppendStreamRequest {
  const events = [{ eventType: 'Opened', data: Buffer.alloc(size) }];
  const append = { streams: [{ stream, expectedVersion: any, events }] };
  return create(AppendStreamRequestSchema, {
    requests: correlations.map((correlation) => ({ correlation: BigInt(correlation), append })),
  });
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

const done: Appended = {
  outcome: 'APPENDED',
  firstPosition: 1n,
  lastPosition: 1n,
  versions: [],
  eventIds: [],
  recordedAt: 1n,
  epoch: 1n,
  deduplicated: false,
};

/** A store whose appends are decided by hand. */
function manualStore() {
  const started: {
    readonly request: AppendRequest;
    readonly signal?: AbortSignal;
    readonly settle: () => void;
  }[] = [];
  const store = storeThat({
    append: ((append: AppendRequest, options?: { signal?: AbortSignal }) =>
      new Promise<Appended>((resolve) => {
        started.push({ request: append, ...options, settle: () => resolve(done) });
      })) as never,
  });
  return { started, store };
}

describe('AppendStream on a real store', () => {
  it('decides in the order sent, each request on its own', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const { call, results, status } = pipeline(await startService(real.store));
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    const exact = (value: bigint) => ({ expectation: { case: 'exact', value } }) as const;
    const expectations = [noStream, exact(1n), noStream, exact(2n), {}, any];
    call.write(
      create(AppendStreamRequestSchema, {
        requests: expectations.map((expectedVersion, index) => ({
          correlation: BigInt(index),
          append: { streams: [{ stream, expectedVersion, events: [opened] }] },
        })),
      }),
    );
    call.end();
    expect((await status).code).toBe(0);
    const kinds = [...results]
      .sort((a, b) => Number(a.correlation - b.correlation))
      .map(({ result }) => result.case);
    expect(kinds).toEqual(['appended', 'appended', 'refused', 'appended', 'failed', 'appended']);
    const failed = results.find(({ correlation }) => correlation === 4n)?.result;
    expect(failed?.case === 'failed' ? fromWireStatus(failed.value) : undefined).toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [{ field: 'streams[0].expected_version' }],
    });
  });
});

describe('AppendStream with conditions, on a real store', () => {
  it('refuses with the position that breaks it and what came between; a repeat is not refused by its own event', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const { call, results, status } = pipeline(await startService(real.store));
    const tags = ['name:ada'];
    const register = (eventId: string) => ({
      streams: [
        {
          stream: { aggregateType: 'User', aggregateId: eventId },
          expectedVersion: noStream,
          events: [{ ...opened, eventId, tags }],
        },
      ],
      condition: { items: [{ tags }] },
      interveningBytes: 1000,
    });
    const ids = [randomUUID(), randomUUID()] as const;
    const requests = [ids[0], ids[1], ids[0]].map((id, index) => ({
      correlation: BigInt(index),
      append: register(id),
    }));
    call.write(create(AppendStreamRequestSchema, { requests }));
    call.end();
    expect((await status).code).toBe(0);
    expect([...results].sort((a, b) => Number(a.correlation - b.correlation))).toMatchObject([
      { result: { case: 'appended', value: { firstPosition: 1n, deduplicated: false } } },
      {
        result: {
          case: 'refused',
          value: {
            conflicts: [],
            conditionFailedAt: 1n,
            interveningEvents: [{ eventId: ids[0], tags, position: 1n }],
            truncated: false,
          },
        },
      },
      { result: { case: 'appended', value: { firstPosition: 1n, deduplicated: true } } },
    ]);
  });
});

describe('AppendStream', () => {
  it('keeps its answers below 3.5 MiB with the events that come along with refusals', async () => {
    const intervening = { events: [eventAt(1n, new Uint8Array(1024 * 1024 - 100))], truncated: false };
    const refused: Refused = { outcome: 'REFUSED', conflicts: [], conditionFailedAt: 1n, intervening };
    const store = storeThat({ append: (async () => refused) as never });
    const { call, results, status } = pipeline(await startService(store));
    const sizes: number[] = [];
    call.on('data', (message: AppendStreamResponse) =>
      sizes.push(toBinary(AppendStreamResponseSchema, message).byteLength),
    );
    call.write(request(range(0, 20)));
    call.end();
    expect((await status).code).toBe(0);
    expect(results).toHaveLength(20);
    expect(Math.max(...sizes)).toBeLessThan(3.5 * 1024 * 1024);
  });

  it('begins the requests of one message in one turn, in order', async () => {
    const { started, store } = manualStore();
    const { call } = pipeline(await startService(store));
    call.write(request(range(0, 100)));
    await until(() => started.length === 100, '100 requests');
    call.cancel();
  });

  it('puts the verdicts of one turn into one message', async () => {
    const { started, store } = manualStore();
    const { call, results, messages } = pipeline(await startService(store));
    call.write(request(range(0, 500)));
    await until(() => started.length === 500, '500 requests');
    for (const { settle } of started) settle();
    await until(() => results.length === 500, '500 results');
    expect(messages()).toBeLessThanOrEqual(3);
    call.end();
  });

  it('says what failed with the details of a status', async () => {
    const store = storeThat({
      append: () =>
        Promise.reject(new OverloadedError('full', { limit: 'append queue', outcome: 'NOT_APPLIED' })),
    });
    const { call, results, status } = pipeline(await startService(store));
    call.write(request([7]));
    call.end();
    expect((await status).code).toBe(0);
    const [{ correlation, result } = { correlation: 0n, result: { case: undefined } }] = results;
    expect(correlation).toBe(7n);
    expect(result.case === 'failed' ? fromWireStatus(result.value) : undefined).toMatchObject({
      reason: 'OVERLOADED',
      limit: 'append queue',
      outcome: 'NOT_APPLIED',
    });
  });

  it('refuses a number that is still under way, and takes it again afterwards', async () => {
    const { started, store } = manualStore();
    const { call, results } = pipeline(await startService(store));
    call.write(request([1, 1]));
    await until(() => results.length === 1, 'the refusal');
    expect(results[0]).toMatchObject({ correlation: 1n, result: { case: 'failed', value: { code: 3 } } });
    started[0]?.settle();
    await until(() => results.length === 2, 'the verdict');
    call.write(request([1]));
    await until(() => started.length === 2, 'the second');
    call.cancel();
  });

  it('names a request without an append', async () => {
    const { call, results } = pipeline(await startService(storeThat({})));
    call.write(create(AppendStreamRequestSchema, { requests: [{ correlation: 3n }] }));
    await until(() => results.length === 1, 'the refusal');
    const [first] = results;
    expect(first?.result.case === 'failed' ? fromWireStatus(first.result.value) : undefined).toMatchObject({
      violations: [{ field: 'requests[0].append' }],
    });
    call.end();
  });

  it('finishes what is under way after half-close, and then ends', async () => {
    const { started, store } = manualStore();
    const { call, results, status } = pipeline(await startService(store));
    call.write(request([1, 2]));
    call.end();
    await until(() => started.length === 2, 'both');
    for (const { settle } of started) settle();
    expect((await status).code).toBe(0);
    expect(results.map(({ correlation }) => correlation)).toEqual([1n, 2n]);
  });

  it('ends at once where nothing was asked', async () => {
    const { call, status } = pipeline(await startService(storeThat({})));
    call.end();
    expect((await status).code).toBe(0);
  });

  it('has at most 1,024 requests under way, and reads on when half of them are done', async () => {
    const { started, store } = manualStore();
    const { call, results } = pipeline(await startService(store));
    for (let from = 0; from < 5000; from += 500) call.write(request(range(from, 500)));
    await until(() => started.length >= 1024, '1,024 requests');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(started).toHaveLength(1024);
    for (let next = 0; next < 5000; next++) {
      await until(() => started.length > next, `request ${next}`);
      expect(started.length - next).toBeLessThanOrEqual(1024);
      started[next]?.settle();
    }
    await until(() => results.length === 5000, 'all');
    expect(results.map(({ correlation }) => Number(correlation))).toEqual(range(0, 5000));
    call.end();
  });

  it('has at most 8 MiB under way', async () => {
    const { started, store } = manualStore();
    const { call } = pipeline(await startService(store));
    const megabyte = 1024 * 1024;
    for (let index = 0; index < 40; index++) call.write(request([index], { size: megabyte }));
    await until(() => started.length >= 8, '8 requests');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(started.length).toBeLessThanOrEqual(9);
    call.cancel();
  });

  it('gives the store the end of the call when the client cancels', async () => {
    const { started, store } = manualStore();
    const service = await startService(store);
    const { call } = pipeline(service);
    call.write(request([1]));
    await until(() => started.length === 1, 'the request');
    call.cancel();
    await until(() => started[0]?.signal?.aborted === true, 'the signal');
    await until(() => service.server.openCalls === 0, 'no open call');
  });

  it('ends a caller that takes no answers, which would otherwise pile up', async () => {
    let signal: AbortSignal | undefined;
    const store = storeThat({
      append: (async (_request: AppendRequest, options?: { signal?: AbortSignal }) => {
        signal = options?.signal;
        return { ...done, eventIds: Array.from({ length: 1000 }, () => randomUUID()) };
      }) as never,
    });
    const { raw } = await startService(store, { stallTimeoutMs: 200 });
    const call = bidi(raw, EventStoreService.method.appendStream);
    const status = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    for (let from = 0; from < 50_000; from += 500) call.write(request(range(from, 500)));
    await until(() => signal?.aborted === true, 'the end of the call');
    call.resume();
    expect(statusOf(await status)).toMatchObject({
      code: 8,
      error: { reason: 'OVERLOADED', limit: 'stall' },
    });
  });
});
