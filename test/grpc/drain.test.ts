import type { StatusObject } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Appended, AppendRequest } from '../../src/core/append.js';
import { bidi, failureOf, serverStream, startService, statusOf, storeThat, unary, until } from './service.js';

const { append, appendStream, subscribe } = EventStoreService.method;
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

/** Appends that wait to be let go, and a subscription that has nothing to say. */
function waitingStore() {
  const waiting: (() => void)[] = [];
  const store = storeThat({
    append: ((_request: AppendRequest, options?: { signal?: AbortSignal }) =>
      new Promise<Appended>((resolve, reject) => {
        waiting.push(() => resolve(done));
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error));
      })) as never,
    subscribe: async function* (_request: unknown, options?: { signal?: AbortSignal }) {
      yield { events: [], scannedAfter: 0n, scannedTo: 7n, epoch: 1n };
      await new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error));
      });
    },
  });
  return { waiting, store };
}

describe('a server that drains', () => {
  it('finishes appends, ends subscriptions so that they go on elsewhere, and is done then', async () => {
    const { waiting, store } = waitingStore();
    const { server, raw } = await startService(store);
    const subscription = serverStream(raw, subscribe).resume();
    const ended = new Promise<StatusObject>((resolve) => subscription.on('status', resolve));
    const appended = unary(raw, append, {});
    await until(() => waiting.length === 1 && server.openCalls === 2, 'both calls');
    const drained = server.drain(20_000);
    expect(statusOf(await ended)).toMatchObject({ code: 14, error: { reason: 'STORE_UNAVAILABLE' } });
    expect(server.openCalls).toBe(1);
    waiting[0]?.();
    expect((await appended).outcome.case).toBe('appended');
    const begun = Date.now();
    await drained;
    expect(Date.now() - begun).toBeLessThan(15_000);
  });

  it('answers the pipelined requests that it has begun, and ends the call as not applied for the rest', async () => {
    const { waiting, store } = waitingStore();
    const { server, raw } = await startService(store);
    const call = bidi(raw, appendStream);
    const results: unknown[] = [];
    call.on('data', (message) => results.push(...message.results));
    const status = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    const streams = [{ stream: {}, expectedVersion: { expectation: { case: 'any', value: {} } } }] as const;
    const request = (correlation: bigint) => ({ correlation, append: { streams: [...streams] } });
    const { create } = await import('@bufbuild/protobuf');
    call.write(create(appendStream.input, { requests: [request(1n), request(2n)] }));
    await until(() => waiting.length === 2, 'both requests');
    const drained = server.drain(5000);
    call.write(create(appendStream.input, { requests: [request(3n)] }));
    for (const settle of waiting) settle();
    expect(statusOf(await status)).toMatchObject({
      code: 14,
      error: { reason: 'STORE_UNAVAILABLE', outcome: 'NOT_APPLIED' },
    });
    expect(results).toMatchObject([{ correlation: 1n }, { correlation: 2n }]);
    await drained;
  });

  it('cuts off what is not done in time, and says that its outcome is unknown', async () => {
    const { waiting, store } = waitingStore();
    const { server, raw, logged } = await startService(store);
    const failure = failureOf(unary(raw, append, {}));
    await until(() => waiting.length === 1, 'the append');
    await server.drain(100);
    expect(await failure).toMatchObject({ code: 14, error: { outcome: 'UNKNOWN' } });
    expect(logged).toMatchObject([{ level: 'warn', fields: { calls: 1 } }]);
  });

  it('may be told to twice', async () => {
    const { server } = await startService(storeThat({}));
    await Promise.all([server.drain(1000), server.drain(1000)]);
    await server.stop();
  });
});
