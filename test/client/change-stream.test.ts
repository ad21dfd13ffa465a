import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ConnectOptions, connect } from '../../src/client/connect.js';
import {
  DeadlineExceededError,
  EventIdReusedError,
  type HeadwaterError,
  InternalError,
  InvalidRequestError,
  OverloadedError,
  PolicyDeniedError,
  StoreUnavailableError,
  StreamDeletedError,
  StreamNotDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '../../src/core/errors.js';
import type { CallOptions } from '../../src/core/event-store.js';
import type { StreamChange, StreamChanged } from '../../src/core/stream-changes.js';
import { startService, storeThat, until } from '../grpc/service.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { Proxy } from './proxy.js';

const stream = { aggregateType: 'Account', aggregateId: '1' };
const request = { stream, expectedVersion: 'ANY' } as const;
const changed: StreamChanged = {
  stream,
  version: 4n,
  position: 9n,
  epoch: 2n,
  eventId: '0198c5c1-0000-7000-8000-000000000000',
  recordedAt: 1_700_000_000_123_456n,
  deduplicated: false,
};

function connectTo(options: ConnectOptions) {
  const connection = connect(options);
  onTestFinished(() => connection.close());
  return connection;
}

/** A store whose answers come from a function of the number of the change. */
function answering(answer: (index: number, options?: CallOptions) => Promise<StreamChanged>) {
  const seen: StreamChange[] = [];
  const changeStream = (change: StreamChange, options?: CallOptions) => {
    seen.push(change);
    return answer(seen.length - 1, options);
  };
  return { seen, store: storeThat({ changeStream }) };
}

describe('a change of a stream', () => {
  it('reaches the store as it was asked for, of each kind, with an id of version 7 that the client made', async () => {
    const { seen, store } = answering(async () => changed);
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const retention = { maxAge: 86_400_000_001n, maxCount: 10n };
    const versions = [{ first: 2n, last: 5n }];
    expect(await eventStore.deleteStream(request)).toEqual(changed);
    await eventStore.restoreStream(request);
    await eventStore.truncateStream({ ...request, beforeVersion: 3n });
    await eventStore.setRetention({ ...request, retention });
    await eventStore.setRetention({ ...request, retention: {} });
    await eventStore.eraseStream({ ...request, expectedVersion: 7n, metadata: { why: 'asked to' } });
    await eventStore.eraseEvents({ ...request, versions });
    const said = { ...request, metadata: {} };
    expect(seen.map((change) => ({ ...change, eventId: undefined }))).toEqual([
      { ...said, kind: 'DELETE' },
      { ...said, kind: 'RESTORE' },
      { ...said, kind: 'TRUNCATE', beforeVersion: 3n },
      { ...said, kind: 'SET_RETENTION', retention },
      { ...said, kind: 'SET_RETENTION', retention: {} },
      { stream, expectedVersion: 7n, metadata: { why: 'asked to' }, kind: 'ERASE' },
      { ...said, kind: 'ERASE_EVENTS', versions },
    ]);
    for (const { eventId } of seen) expect(eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(new Set(seen.map(({ eventId }) => eventId)).size).toBe(seen.length);
  });

  it('keeps the id that it has', async () => {
    const { seen, store } = answering(async () => changed);
    const { address } = await startService(store);
    const eventId = randomUUID();
    await connectTo({ address }).eventStore.deleteStream({ ...request, eventId });
    expect(seen).toMatchObject([{ eventId }]);
  });

  const errors: readonly HeadwaterError[] = [
    new WrongExpectedVersionError([{ stream, expected: 3n, actual: 4n }]),
    new StreamNotFoundError(stream),
    new StreamDeletedError(stream),
    new StreamNotDeletedError(stream),
    new EventIdReusedError(randomUUID(), 7n),
    new InvalidRequestError([{ field: 'before_version', description: 'is above the stream' }]),
    new PolicyDeniedError('delete-stream'),
    new DeadlineExceededError('over', { outcome: 'UNKNOWN' }),
    new InternalError('some-id', { outcome: 'UNKNOWN' }),
  ];

  it.each(errors)('throws what the service threw, and asks once: %s', async (error) => {
    const { seen, store } = answering(() => Promise.reject(error));
    const { address } = await startService(store);
    const thrown = await connectTo({ address })
      .eventStore.deleteStream(request)
      .catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(error.constructor);
    expect({ ...(thrown as object), cause: 0 }).toEqual({ ...(error as object), cause: 0 });
    expect(seen).toHaveLength(1);
  });

  it.each([
    new StoreUnavailableError('away', { outcome: 'UNKNOWN', retryAfterMilliseconds: 5 }),
    new OverloadedError('full', { limit: 'queue', outcome: 'NOT_APPLIED', retryAfterMilliseconds: 5 }),
  ])('is tried again with the same id after %s', async (error) => {
    const { seen, store } = answering(async (index) => {
      if (index < 3) throw error;
      return changed;
    });
    const { address } = await startService(store);
    await connectTo({ address }).eventStore.deleteStream(request);
    expect(seen).toHaveLength(4);
    expect(new Set(seen.map(({ eventId }) => eventId)).size).toBe(1);
  });

  it('fails in time, not applied, where nothing listens', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1', timeoutMs: 300 });
    const begun = Date.now();
    await expect(eventStore.deleteStream(request)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'NOT_APPLIED',
    });
    expect(Date.now() - begun).toBeLessThan(4900);
  });

  it('never says "not applied" of the last try where an earlier one may have been', async () => {
    const { seen, store } = answering(async (index) => {
      const outcome = index === 0 ? 'UNKNOWN' : 'NOT_APPLIED';
      throw new StoreUnavailableError('away', { outcome, retryAfterMilliseconds: 20 });
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const deleting = eventStore.deleteStream(request, { timeoutMilliseconds: 400 });
    await expect(deleting).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE', outcome: 'UNKNOWN' });
    expect(seen.length).toBeGreaterThan(1);
  });

  it('ends with its own time, with its signal, and with the connection, which does not know what became of it', async () => {
    const { seen, store } = answering(() => new Promise(() => undefined));
    const { address } = await startService(store);
    const connection = connectTo({ address });
    const { eventStore } = connection;
    await expect(eventStore.deleteStream(request, { timeoutMilliseconds: 100 })).rejects.toThrow(
      DeadlineExceededError,
    );
    const controller = new AbortController();
    const aborted = eventStore.deleteStream(request, { signal: controller.signal });
    await until(() => seen.length === 2, 'the second');
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    const closed = eventStore.deleteStream(request).catch((caught: unknown) => caught);
    await until(() => seen.length === 3, 'the third');
    connection.close();
    expect(await closed).toMatchObject({ reason: 'STORE_UNAVAILABLE', outcome: 'UNKNOWN' });
    await expect(eventStore.deleteStream(request)).rejects.toMatchObject({ outcome: 'NOT_APPLIED' });
    expect(seen).toHaveLength(3);
  });

  it('refuses here what the wire cannot say', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1' });
    const fieldsOf = async (call: Promise<unknown>) => {
      const error = await call.catch((caught: unknown) => caught);
      return error instanceof InvalidRequestError ? error.violations.map(({ field }) => field) : error;
    };
    expect(await fieldsOf(eventStore.deleteStream({ ...request, eventId: '' }))).toEqual(['change.event_id']);
    expect(await fieldsOf(eventStore.setRetention({ ...request, retention: { maxCount: 0n } }))).toEqual([
      'retention.max_count',
    ]);
    expect(await fieldsOf(eventStore.setRetention({ ...request, retention: { maxAge: -1n } }))).toEqual([
      'retention.max_age',
    ]);
    const versions = [{ first: 0n, last: 1n }];
    expect(await fieldsOf(eventStore.eraseEvents({ ...request, versions }))).toEqual(['versions[0]']);
  });
});

describe('a change of a stream on a real store', () => {
  let real: TestStore;
  beforeAll(async () => {
    real = await openTestStore();
  });
  afterAll(() => real.close());

  const created = async () => {
    const one = { aggregateType: 'Account', aggregateId: randomUUID() };
    const events = [{ eventType: 'Opened', data: new Uint8Array() }];
    await real.store.append({ streams: [{ stream: one, expectedVersion: 'NO_STREAM', events }] });
    return one;
  };

  it('is answered as the first time when only the answer was lost', async () => {
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore, waitForReady } = connectTo({ address: proxy.address });
    await waitForReady();
    const one = await created();
    proxy.swallow(true);
    const deleting = eventStore.deleteStream({ stream: one, expectedVersion: 1n });
    await expect.poll(async () => (await real.store.getStream(one)).deletedAt).toBeDefined();
    proxy.swallow(false);
    proxy.cut();
    // Neither its expected version nor the deletion itself stands in the way of the repeat.
    expect(await deleting).toMatchObject({ stream: one, version: 2n, deduplicated: true });
    expect(await eventStore.getStream(one)).toMatchObject({ version: 2n });
  });

  it('is refused for good after a lost answer where the first try was refused too', async () => {
    const { port } = await startService(real.store);
    const proxy = await Proxy.before(port);
    const { eventStore, waitForReady } = connectTo({ address: proxy.address });
    await waitForReady();
    const one = await created();
    proxy.swallow(true);
    const restoring = eventStore.restoreStream({ stream: one, expectedVersion: 1n });
    const refusal = expect(restoring).rejects.toThrow(StreamNotDeletedError);
    await sleep(150);
    proxy.swallow(false);
    proxy.cut();
    await refusal;
    expect(await eventStore.getStream(one)).toMatchObject({ version: 1n });
  });
});

describe('an erasure that takes longer than a call may', () => {
  /** A store that answers no erasure within 300 ms until so many were tried, and tells each time what is left. */
  const slow = (tries: number, left: readonly bigint[]) => {
    const seen: (string | undefined)[] = [];
    let looks = 0;
    const store = storeThat({
      changeStream: async (change, options) => {
        seen.push(change.eventId);
        if (seen.length <= tries) await sleep(5000, undefined, { signal: options?.signal });
        return changed;
      },
      getStream: async () => ({
        stream,
        version: 4n,
        firstVersion: 1n,
        createdAt: 1n,
        updatedAt: 1n,
        deletedAt: 1n,
        retention: {},
        erasing: left[looks++] ?? 0n,
      }),
    });
    return { seen, store };
  };

  it('is waited for as long as there is less left each time, with the same event id', async () => {
    const { seen, store } = slow(3, [30n, 20n, 0n]);
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address, timeoutMs: 300 });
    expect(await eventStore.eraseStream(request)).toEqual(changed);
    expect(seen.length).toBe(4);
    expect(new Set(seen).size).toBe(1);
  });

  it('is left with a word of what is on record when nothing goes on, or the time for all of it is over', async () => {
    for (const [left, options] of [
      [[30n, 30n, 10n], {}],
      [[30n, 20n, 10n], { eraseTimeoutMs: 500 }],
    ] as const) {
      const { seen, store } = slow(9, left);
      const { address } = await startService(store);
      const { eventStore } = connectTo({ address, timeoutMs: 300, ...options });
      const error = await eventStore
        .eraseStream(request)
        .catch((caught: unknown) => caught as HeadwaterError);
      expect(error).toBeInstanceOf(DeadlineExceededError);
      expect(error).toMatchObject({ outcome: 'UNKNOWN' });
      expect((error as Error).message).toBe(
        `The erasure of Account 1 is under way, ${left[1]} versions are still to be emptied, and the service goes on by ` +
          `itself; the same call with event id ${seen[0]} waits for it`,
      );
      expect(seen.length).toBe(2);
    }
  });

  it('whose caller gave a time of its own is waited for only so long', async () => {
    const { seen, store } = slow(9, [30n, 20n]);
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    await expect(eventStore.eraseStream(request, { timeoutMilliseconds: 300 })).rejects.toBeInstanceOf(
      DeadlineExceededError,
    );
    expect(seen.length).toBe(1);
  });
});
