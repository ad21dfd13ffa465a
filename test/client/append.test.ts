import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ConnectOptions, connect } from '../../src/client/connect.js';
import type { AppendCondition, Appended, AppendRequest } from '../../src/core/append.js';
import {
  AppendConditionFailedError,
  DeadlineExceededError,
  EventIdReusedError,
  type HeadwaterError,
  InternalError,
  InvalidRequestError,
  OverloadedError,
  PolicyDeniedError,
  StoreUnavailableError,
  WrongExpectedVersionError,
} from '../../src/core/errors.js';
import type { CallOptions } from '../../src/core/event-store.js';
import { eventsOf } from '../../src/core/load.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { startService, storeThat, until } from '../grpc/service.js';
import { Proxy } from './proxy.js';

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

function connectTo(options: ConnectOptions) {
  const connection = connect(options);
  onTestFinished(() => connection.close());
  return connection;
}

function appendOf(type = 'Opened', stream = newStream()): AppendRequest {
  const events = [{ eventType: type, data: new TextEncoder().encode('{}') }];
  return { streams: [{ stream, expectedVersion: 'ANY', events }] };
}

/** An append to a new stream that only succeeds if nothing has its tag yet. */
function tagged(
  tag: string,
  condition: Partial<AppendCondition> = {},
): AppendRequest & { onConflict?: 'THROW' } {
  const events = [{ eventType: 'Taken', data: new Uint8Array(), tags: [tag] }];
  return {
    streams: [{ stream: newStream(), expectedVersion: 'NO_STREAM', events }],
    condition: { items: [{ tags: [tag] }], ...condition },
  };
}

function newStream() {
  return { aggregateType: 'Account', aggregateId: randomUUID() };
}

/** A store whose answers come from a function of the number of the append. */
function answering(answer: (index: number, options?: CallOptions) => Promise<Appended>) {
  const seen: AppendRequest[] = [];
  const append = (request: AppendRequest, options?: CallOptions) => {
    seen.push(request);
    return answer(seen.length - 1, options);
  };
  return { seen, store: storeThat({ append: append as never }) };
}

function idsOf(request: AppendRequest | undefined): (string | undefined)[] {
  return request?.streams.flatMap(({ events }) => events.map(({ eventId }) => eventId)) ?? [];
}

describe('append on a real store', () => {
  let real: TestStore;
  beforeAll(async () => {
    real = await openTestStore();
  });
  afterAll(() => real.close());

  /** Until the log has come so far. */
  const reached = (position: bigint) =>
    expect.poll(async () => (await real.store.getLog()).position).toBeGreaterThanOrEqual(position);

  it('gives what was appended, with ids of version 7 that the client made', async () => {
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    const stream = newStream();
    const appended = await eventStore.append(appendOf('Opened', stream));
    expect(appended).toMatchObject({
      outcome: 'APPENDED',
      versions: [{ stream, version: 1n }],
      deduplicated: false,
    });
    if (appended.outcome !== 'APPENDED') return;
    expect(appended.eventIds[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('throws every conflict, or returns it', async () => {
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    const streams = [newStream(), newStream()].map((stream) => ({
      stream,
      expectedVersion: 'STREAM_EXISTS' as const,
      events: [],
    }));
    const error = await eventStore.append({ streams }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ count: 2, conflicts: [{ actual: 0n }, { expected: 'STREAM_EXISTS' }] });
    const returned = await eventStore.append({ streams, onConflict: 'RETURN' });
    expect(returned).toMatchObject({ outcome: 'REFUSED', conflicts: [{}, {}] });
  });

  it('keeps the order of the calls of one turn', async () => {
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    const stream = newStream();
    const order = Array.from({ length: 3000 }, (_, index) => `E${index}`);
    await Promise.all(order.map((type) => eventStore.append(appendOf(type, stream))));
    const types: string[] = [];
    for await (const event of eventsOf(eventStore.load({ scope: { kind: 'STREAM', stream } })))
      types.push(event.eventType);
    expect(types).toEqual(order);
  });

  it('survives cuts in the middle: everything once, in the order of the calls', async () => {
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore } = connectTo({ address: proxy.address });
    const stream = newStream();
    let cutting = true;
    const cuts = (async () => {
      while (cutting) {
        await sleep(100 + Math.random() * 300);
        proxy.cut();
      }
    })();
    let rounds = 0;
    for (const end = Date.now() + 3000; Date.now() < end; rounds++) {
      const types = Array.from({ length: 20 }, (_, index) => `E${rounds}-${index}`);
      await Promise.all(types.map((type) => eventStore.append(appendOf(type, stream))));
    }
    cutting = false;
    await cuts;
    expect(proxy.connections).toBeGreaterThan(3);
    const types: string[] = [];
    for await (const event of eventsOf(real.store.load({ scope: { kind: 'STREAM', stream } })))
      types.push(event.eventType);
    expect(types).toHaveLength(rounds * 20);
    expect(new Set(types).size).toBe(rounds * 20);
    const inOrder = types.map((type) => Number(type.slice(1).split('-')[0]));
    expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
  });

  it('throws what breaks its condition, or returns it with what came between', async () => {
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    const tag = `name:${randomUUID()}`;
    const taken = await eventStore.append(tagged(tag));
    const { lastPosition: position } = taken;
    await expect(eventStore.append(tagged(tag))).rejects.toMatchObject({
      reason: 'APPEND_CONDITION_FAILED',
      position,
      outcome: 'NOT_APPLIED',
    });
    const returned = await eventStore.append({
      ...tagged(tag),
      onConflict: 'RETURN',
      interveningBytes: 10_000,
    });
    expect(returned).toMatchObject({
      outcome: 'REFUSED',
      conflicts: [],
      conditionFailedAt: position,
      intervening: { events: [{ position, tags: [tag] }], truncated: false },
    });
    const after = { position, epoch: taken.epoch };
    expect(await eventStore.append(tagged(tag, { after }))).toMatchObject({ outcome: 'APPENDED' });
  });

  it('gives what came between also where it is nothing, and not where it was not asked for', async () => {
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    const streams = [{ stream: newStream(), expectedVersion: 5n, events: [] }];
    const asked = await eventStore.append({ streams, onConflict: 'RETURN', interveningBytes: 1 });
    expect(asked).toEqual({
      outcome: 'REFUSED',
      conflicts: [{ stream: streams[0]?.stream, expected: 5n, actual: 0n }],
      intervening: { events: [], truncated: false },
    });
    expect(await eventStore.append({ streams, onConflict: 'RETURN' })).not.toHaveProperty('intervening');
  });

  it('is not refused by its own events when the answer to the first try was lost', async () => {
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore, waitForReady } = connectTo({ address: proxy.address });
    await waitForReady();
    await eventStore.append(appendOf());
    const { position } = await real.store.getLog();
    proxy.swallow(true);
    const append = eventStore.append(tagged(`name:${randomUUID()}`));
    await reached(position + 1n);
    proxy.swallow(false);
    proxy.cut();
    expect(await append).toMatchObject({ deduplicated: true });
  });

  it('is refused for good after a lost answer where its condition did not hold from the first', async () => {
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore, waitForReady } = connectTo({ address: proxy.address });
    await waitForReady();
    const tag = `name:${randomUUID()}`;
    const { lastPosition: position } = await eventStore.append(tagged(tag));
    proxy.swallow(true);
    const append = eventStore.append(tagged(tag)).catch((caught: unknown) => caught);
    await sleep(150);
    proxy.swallow(false);
    proxy.cut();
    const error = await append;
    expect(error).toBeInstanceOf(AppendConditionFailedError);
    expect(error).toMatchObject({ position, outcome: 'NOT_APPLIED' });
  });

  it('is answered as the first time when only the answer was lost', async () => {
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore, waitForReady } = connectTo({ address: proxy.address });
    await waitForReady();
    await eventStore.append(appendOf());
    const { position } = await real.store.getLog();
    proxy.swallow(true);
    const stream = newStream();
    const append = eventStore.append(appendOf('Opened', stream));
    await reached(position + 1n);
    proxy.swallow(false);
    proxy.cut();
    expect(await append).toMatchObject({ versions: [{ stream, version: 1n }], deduplicated: true });
  });
});

describe('append', () => {
  const errors: readonly HeadwaterError[] = [
    new InvalidRequestError([{ field: 'streams[0].events[0].data', description: 'is too long' }]),
    new EventIdReusedError(randomUUID(), 7n),
    new PolicyDeniedError('append'),
    new DeadlineExceededError('over', { outcome: 'UNKNOWN' }),
    new InternalError('some-id', { outcome: 'UNKNOWN' }),
  ];

  it.each(errors)('throws what the service threw, and asks once: %s', async (error) => {
    const { seen, store } = answering(() => Promise.reject(error));
    const { address } = await startService(store);
    const thrown = await connectTo({ address })
      .eventStore.append(appendOf())
      .catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(error.constructor);
    expect({ ...(thrown as object), cause: 0 }).toEqual({ ...(error as object), cause: 0 });
    expect(seen).toHaveLength(1);
  });

  it.each([
    new StoreUnavailableError('away', { outcome: 'NOT_APPLIED', retryAfterMilliseconds: 5 }),
    new OverloadedError('full', { limit: 'queue', outcome: 'NOT_APPLIED', retryAfterMilliseconds: 5 }),
  ])('tries again with the same ids after %s', async (error) => {
    const { seen, store } = answering(async (index) => {
      if (index < 3) throw error;
      return done;
    });
    const { address } = await startService(store);
    await connectTo({ address }).eventStore.append(appendOf());
    expect(seen).toHaveLength(4);
    expect(new Set(seen.flatMap(idsOf)).size).toBe(1);
  });

  it('sends what one turn of the event loop appends in one message, over one call', async () => {
    const { seen, store } = answering(async () => done);
    const { address, server } = await startService(store);
    const { eventStore } = connectTo({ address });
    await Promise.all(Array.from({ length: 1000 }, () => eventStore.append(appendOf())));
    expect(seen).toHaveLength(1000);
    expect(server.openCalls).toBe(1);
  });

  it('half-closes an idle call, and opens another when it is needed', async () => {
    const { store } = answering(async () => done);
    const { address, server } = await startService(store);
    const { eventStore } = connectTo({ address, idleMs: 50 });
    await eventStore.append(appendOf());
    await until(() => server.openCalls === 0, 'the call to end');
    await eventStore.append(appendOf());
    expect(server.openCalls).toBe(1);
  });

  it('goes on at another address when a service drains', async () => {
    const first = answering(async () => done);
    const second = answering(async () => done);
    const one = await startService(first.store);
    const two = await startService(second.store);
    const { eventStore } = connectTo({ address: [one.address, two.address] });
    await eventStore.append(appendOf());
    await one.server.drain(1000);
    await eventStore.append(appendOf());
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
  });

  it('fails in time, not applied, where nothing listens', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1' });
    const begun = Date.now();
    // Whose time is over in the few milliseconds of a try cannot be told what becomes of that one: it goes if there is a connection.
    const errors = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        eventStore
          .append(appendOf(), { timeoutMilliseconds: 300 + index * 30 })
          .catch((thrown: unknown) => thrown),
      ),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toMatchObject({ cause: { outcome: 'NOT_APPLIED' } });
    }
    const notApplied = errors.filter(
      (error) => error instanceof StoreUnavailableError && error.outcome === 'NOT_APPLIED',
    );
    expect(notApplied.length).toBeGreaterThan(5);
    expect(Date.now() - begun).toBeLessThan(4900);
  });

  it('fails with an unknown outcome where the connection broke under it and none came again', async () => {
    const { store } = answering(() => new Promise(() => undefined));
    const { port } = await startService(store);
    const proxy = await Proxy.before(port);
    const { eventStore, waitForReady } = connectTo({ address: proxy.address, timeoutMs: 400 });
    await waitForReady();
    const append = eventStore.append(appendOf()).catch((thrown: unknown) => thrown);
    await sleep(100);
    proxy.refuse(true);
    const error = await append;
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ outcome: 'UNKNOWN' });
  });

  it('fails with its deadline where the service is there and does not answer', async () => {
    const { store } = answering(() => new Promise(() => undefined));
    const { address } = await startService(store);
    const error = await connectTo({ address, timeoutMs: 200 })
      .eventStore.append(appendOf())
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect(error).toMatchObject({ outcome: 'UNKNOWN' });
  });

  it('has the time that the call says, not the one of the connection', async () => {
    const { store } = answering(() => new Promise(() => undefined));
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address, timeoutMs: 60_000 });
    const append = eventStore.append(appendOf(), { timeoutMilliseconds: 150 });
    await expect(append).rejects.toThrow('within 150 ms');
  });

  it('asks for what came between only where it is returned', async () => {
    const { seen, store } = answering(async () => done);
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    await eventStore.append({ ...appendOf(), interveningBytes: 5000 });
    await eventStore.append({ ...appendOf(), interveningBytes: 5000, onConflict: 'RETURN' });
    expect(seen.map(({ interveningBytes }) => interveningBytes)).toEqual([undefined, 5000]);
  });

  it('rejects with the reason of its signal, and does not send what has not left', async () => {
    const { seen, store } = answering(async () => done);
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const controller = new AbortController();
    const append = eventStore.append(appendOf(), { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(append).rejects.toThrow('changed my mind');
    await expect(eventStore.append(appendOf(), { signal: controller.signal })).rejects.toThrow(
      'changed my mind',
    );
    await eventStore.append(appendOf());
    expect(seen).toHaveLength(1);
  });

  it('lets callers wait in a bounded queue, and refuses what is above it', async () => {
    const settle: (() => void)[] = [];
    const { seen, store } = answering(() => new Promise((resolve) => settle.push(() => resolve(done))));
    const { address } = await startService(store);
    const { eventStore, waitForReady } = connectTo({ address, queueRequests: 500 });
    await waitForReady();
    const sent = Array.from({ length: 500 }, () => eventStore.append(appendOf()));
    await until(() => seen.length === 500, 'the first');
    sent.push(...Array.from({ length: 500 }, () => eventStore.append(appendOf())));
    await until(() => seen.length === 1000, 'the second');
    sent.push(...Array.from({ length: 500 }, () => eventStore.append(appendOf())));
    const error = await eventStore.append(appendOf()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error).toMatchObject({ limit: 'client queue', outcome: 'NOT_APPLIED' });
    for (let next = 0; next < 1500; next++) {
      await until(() => settle.length > next, `append ${next}`);
      settle[next]?.();
    }
    await Promise.all(sent);
  });

  it('puts large appends into several messages, and names one that no message can hold', async () => {
    const { seen, store } = answering(async () => done);
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const large = (megabytes: number): AppendRequest => {
      const events = [{ eventType: 'Large', data: new Uint8Array(megabytes * 1024 * 1024) }];
      return { streams: [{ stream: newStream(), expectedVersion: 'ANY', events }] };
    };
    await Promise.all(Array.from({ length: 12 }, () => eventStore.append(large(1))));
    await eventStore.append(large(4));
    expect(seen).toHaveLength(13);
    await expect(eventStore.append(large(7))).rejects.toThrow(InvalidRequestError);
  });

  it('refuses here what the wire cannot say', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1' });
    const event = { eventType: 'Opened', data: new Uint8Array() };
    for (const wrong of [
      { ...event, eventId: '' },
      { ...event, contentType: '' },
      { ...event, schemaVersion: 0 },
      { ...event, tags: ['\ud800'] },
    ]) {
      const streams = [{ stream: newStream(), expectedVersion: 'ANY' as const, events: [wrong] }];
      await expect(eventStore.append({ streams })).rejects.toThrow(InvalidRequestError);
    }
  });

  it('ends with the connection', async () => {
    const { seen, store } = answering(() => new Promise(() => undefined));
    const { address } = await startService(store);
    const connection = connectTo({ address });
    const append = connection.eventStore.append(appendOf()).catch((thrown: unknown) => thrown);
    await until(() => seen.length === 1, 'the append');
    connection.close();
    connection.close();
    expect(await append).toMatchObject({ reason: 'STORE_UNAVAILABLE', outcome: 'UNKNOWN' });
    await expect(connection.eventStore.append(appendOf())).rejects.toThrow('closed');
  });
});
