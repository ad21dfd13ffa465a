import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ConnectOptions, connect } from '../../src/client/connect.js';
import { BrokenChainError } from '../../src/client/chain.js';
import { LogEpochChangedError, PositionUnknownError, StoreUnavailableError } from '../../src/core/errors.js';
import type { CallOptions } from '../../src/core/event-store.js';
import type { SubscribeRequest, SubscriptionMessage } from '../../src/core/subscribe.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { eventAt, startService, storeThat, until } from '../grpc/service.js';
import { Proxy } from './proxy.js';

function connectTo(options: ConnectOptions) {
  const connection = connect(options);
  onTestFinished(() => connection.close());
  return connection;
}

async function realStore(): Promise<TestStore> {
  const real = await openTestStore();
  onTestFinished(() => real.close());
  return real;
}

async function appendTo({ store }: TestStore, count: number): Promise<void> {
  const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
  const events = Array.from({ length: count }, () => ({ eventType: 'Moved', data: new Uint8Array(10) }));
  await store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
}

/** A store whose subscriptions come from a function of the number of the call. */
function subscribing(
  messages: (
    index: number,
    request: SubscribeRequest,
    options?: CallOptions,
  ) => AsyncIterable<SubscriptionMessage>,
) {
  const seen: SubscribeRequest[] = [];
  const subscribe = (request: SubscribeRequest, options?: CallOptions) => {
    seen.push(request);
    return messages(seen.length - 1, request, options);
  };
  return { seen, store: storeThat({ subscribe }) };
}

function message(scannedAfter: bigint, scannedTo: bigint): SubscriptionMessage {
  return { events: [eventAt(scannedTo)], scannedAfter, scannedTo, epoch: 3n };
}

describe('subscribe on a real store', () => {
  it('catches up, says so, and goes on live', async () => {
    const real = await realStore();
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    await appendTo(real, 3);
    const positions: bigint[] = [];
    let live = false;
    for await (const { events, signal } of eventStore.subscribe({})) {
      positions.push(...events.map(({ position }) => position));
      if (signal?.kind === 'CAUGHT_UP') {
        live = true;
        await appendTo(real, 2);
      }
      if (positions.length === 5) break;
    }
    expect(live).toBe(true);
    expect(positions).toEqual([1n, 2n, 3n, 4n, 5n]);
  });

  it('outlives a service that is stopped and started again on the same port', async () => {
    const real = await realStore();
    const first = await startService(real.store);
    const { eventStore } = connectTo({ address: first.address });
    const positions: bigint[] = [];
    const reading = (async () => {
      for await (const { events } of eventStore.subscribe({})) {
        positions.push(...events.map(({ position }) => position));
        if (positions.length >= 9) return;
      }
    })();
    await appendTo(real, 3);
    await until(() => positions.length === 3, 'the first three');
    await first.server.drain(1000);
    await appendTo(real, 3);
    await sleep(200);
    const second = await startService(real.store, { port: first.port });
    await until(() => positions.length === 6, 'what came meanwhile');
    await second.server.stop();
    await startService(real.store, { port: first.port });
    await appendTo(real, 3);
    await reading;
    expect(positions).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
  });

  it('outlives connections that are cut again and again: every event, in order', async () => {
    const real = await realStore();
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore } = connectTo({ address: proxy.address });
    const cuts = setInterval(() => proxy.cut(), 250);
    onTestFinished(() => clearInterval(cuts));
    const positions: bigint[] = [];
    const reading = (async () => {
      for await (const { events } of eventStore.subscribe({})) {
        positions.push(...events.map(({ position }) => position));
        if (positions.length >= 2000) return;
      }
    })();
    for (let round = 0; round < 100; round++) {
      await appendTo(real, 20);
      await sleep(10);
    }
    await reading;
    clearInterval(cuts);
    expect(proxy.connections).toBeGreaterThan(3);
    expect(positions).toEqual(Array.from({ length: 2000 }, (_, index) => BigInt(index + 1)));
  });
});

describe('subscribe', () => {
  it('resumes behind the last message with its epoch, and keeps scope and filters', async () => {
    const { seen, store } = subscribing(async function* (index) {
      if (index === 0) {
        yield message(4n, 9n);
        throw new StoreUnavailableError('away', { retryAfterMilliseconds: 1 });
      }
      yield message(9n, 10n);
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const request: SubscribeRequest = {
      scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] },
      filters: [{ tags: ['a:b'] }],
      start: { kind: 'AFTER', after: { position: 4n, epoch: 2n } },
    };
    for await (const { scannedTo } of eventStore.subscribe(request)) if (scannedTo === 10n) break;
    expect(seen).toEqual([
      request,
      { ...request, start: { kind: 'AFTER', after: { position: 9n, epoch: 3n } } },
    ]);
  });

  it('never ends silently: a service that just ends it is asked again', async () => {
    const { seen, store } = subscribing(async function* (index) {
      yield message(BigInt(index), BigInt(index + 1));
    });
    const { address } = await startService(store);
    let last = 0n;
    for await (const { scannedTo } of connectTo({ address }).eventStore.subscribe({})) {
      last = scannedTo;
      if (last === 3n) break;
    }
    expect(seen.length).toBeGreaterThanOrEqual(3);
  });

  it.each([new PositionUnknownError(9n, 1n, 4n), new LogEpochChangedError(9n, 1n, 4n, 2n)])(
    'does not try again what can never be: %s',
    async (error) => {
      const { seen, store } = subscribing(async function* () {
        yield* [];
        throw error;
      });
      const { address } = await startService(store);
      const after = { position: 9n, epoch: 1n };
      const reading = connectTo({ address })
        .eventStore.subscribe({ start: { kind: 'AFTER', after } })
        .next();
      const thrown = await reading.catch((caught: unknown) => caught);
      expect(thrown).toBeInstanceOf(error.constructor);
      expect(thrown).toMatchObject(Object.fromEntries(Object.entries(error)));
      expect(seen).toHaveLength(1);
    },
  );

  it.each([
    ['after a gap', [message(0n, 2n), message(3n, 4n)]],
    ['after a repetition', [message(0n, 2n), message(1n, 4n)]],
    ['that does not begin where it was asked to', [message(1n, 2n)]],
    ['that runs backwards', [message(0n, 2n), message(2n, 1n)]],
  ])('refuses a range %s', async (_, messages) => {
    const { store } = subscribing(async function* () {
      yield* messages;
    });
    const { address } = await startService(store);
    const reading = (async () => {
      for await (const _message of connectTo({ address }).eventStore.subscribe({}));
    })();
    await expect(reading).rejects.toThrow(BrokenChainError);
  });

  it('refuses a gap over a break too', async () => {
    const { store } = subscribing(async function* (index) {
      if (index > 0) return yield message(5n, 6n);
      yield message(0n, 2n);
      throw new StoreUnavailableError('away', { retryAfterMilliseconds: 1 });
    });
    const { address } = await startService(store);
    const reading = (async () => {
      for await (const _message of connectTo({ address }).eventStore.subscribe({}));
    })();
    await expect(reading).rejects.toThrow(BrokenChainError);
  });

  it('gives up when not a single message has come for so long', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1', resumeTimeoutMs: 300 });
    const begun = Date.now();
    await expect(eventStore.subscribe({}).next()).rejects.toThrow(StoreUnavailableError);
    expect(Date.now() - begun).toBeLessThan(4900);
  });

  it('ends on the service too when the loop is left, aborted, or the connection closed', async () => {
    const { store } = subscribing(async function* (_index, _request, options) {
      yield message(0n, 1n);
      await new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error));
      });
    });
    const { address, server } = await startService(store);
    const connection = connectTo({ address });
    for await (const _message of connection.eventStore.subscribe({})) break;
    await until(() => server.openCalls === 0, 'the end after break');

    const controller = new AbortController();
    const aborted = connection.eventStore.subscribe({}, { signal: controller.signal });
    await aborted.next();
    const next = aborted.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await until(() => server.openCalls === 0, 'the end after abort');

    const closed = connection.eventStore.subscribe({});
    await closed.next();
    const last = closed.next();
    connection.close();
    await expect(last).rejects.toThrow('closed');
    await until(() => server.openCalls === 0, 'the end after close');
  });

  it('holds the service back when it is slow', async () => {
    let taken = 0;
    const { store } = subscribing(async function* () {
      for (let at = 1n; ; at += 1n) {
        taken += 1;
        yield {
          events: [eventAt(at, new Uint8Array(1024 * 1024))],
          scannedAfter: at - 1n,
          scannedTo: at,
          epoch: 1n,
        };
      }
    });
    const { address } = await startService(store);
    const reading = connectTo({ address }).eventStore.subscribe({});
    await reading.next();
    await sleep(300);
    expect(taken).toBeLessThanOrEqual(5);
    await reading.return();
  });
});
