import { describe, expect, it, onTestFinished } from 'vitest';
import { BrokenChainError } from '../../src/client/chain.js';
import { type ConnectOptions, connect } from '../../src/client/connect.js';
import type { CallOptions } from '../../src/core/call-options.js';
import {
  InvalidRequestError,
  PositionNotReachedError,
  StoreUnavailableError,
  StreamNotFoundError,
} from '../../src/core/errors.js';
import type { LoadPage, LoadRequest } from '../../src/core/load.js';
import { startService, storeThat, until } from '../grpc/service.js';
import { openDatabase, openTestStore } from '../support/test-database.js';

function connectTo(options: ConnectOptions) {
  const connection = connect(options);
  onTestFinished(() => connection.close());
  return connection;
}

function page(scannedAfter: bigint, scannedTo: bigint): LoadPage {
  return { events: [], scannedAfter, scannedTo, epoch: 1n };
}

function loading(pages: (index: number) => AsyncIterable<LoadPage>) {
  const seen: LoadRequest[] = [];
  const load = (request: LoadRequest) => {
    seen.push(request);
    return pages(seen.length - 1);
  };
  return { seen, store: storeThat({ load }) };
}

async function all(pages: AsyncIterable<LoadPage>): Promise<LoadPage[]> {
  const taken: LoadPage[] = [];
  for await (const one of pages) taken.push(one);
  return taken;
}

const away = () => new StoreUnavailableError('away', { retryAfterMilliseconds: 1 });

describe('load', () => {
  it('gives the pages in both directions', async () => {
    const { store } = loading(async function* (index) {
      yield* index === 0 ? [page(0n, 2n), page(2n, 5n)] : [page(2n, 5n), page(0n, 2n)];
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    expect(await all(eventStore.load({}))).toEqual([page(0n, 2n), page(2n, 5n)]);
    expect(await all(eventStore.load({ direction: 'BACKWARDS' }))).toEqual([page(2n, 5n), page(0n, 2n)]);
  });

  it.each(['FORWARDS', 'BACKWARDS'] as const)('refuses a gap, %s', async (direction) => {
    const { store } = loading(async function* () {
      yield* [page(3n, 4n), page(3n, 4n)];
    });
    const { address } = await startService(store);
    await expect(all(connectTo({ address }).eventStore.load({ direction }))).rejects.toThrow(
      BrokenChainError,
    );
  });

  it('is tried again while no page has come', async () => {
    const { seen, store } = loading(async function* (index) {
      if (index < 2) throw away();
      yield page(0n, 1n);
    });
    const { address } = await startService(store);
    expect(await all(connectTo({ address }).eventStore.load({}))).toHaveLength(1);
    expect(seen).toHaveLength(3);
  });

  it('fails where a page has come already', async () => {
    const { seen, store } = loading(async function* () {
      yield page(0n, 1n);
      throw away();
    });
    const { address } = await startService(store);
    await expect(all(connectTo({ address }).eventStore.load({}))).rejects.toThrow(StoreUnavailableError);
    expect(seen).toHaveLength(1);
  });

  it('throws what the service threw', async () => {
    const stream = { aggregateType: 'Account', aggregateId: 'none' };
    const { store } = loading(async function* () {
      yield* [];
      throw new StreamNotFoundError(stream);
    });
    const { address } = await startService(store);
    const thrown = await all(connectTo({ address }).eventStore.load({})).catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(StreamNotFoundError);
    expect(thrown).toMatchObject({ stream });
  });

  it('tells the service what to wait for and for how long, and takes "not reached" for an answer', async () => {
    const seen: { request: LoadRequest; timeout: number | undefined }[] = [];
    const store = storeThat({
      load: async function* (request: LoadRequest, options?: CallOptions) {
        seen.push({ request, timeout: options?.timeoutMilliseconds });
        yield* [];
        throw new PositionNotReachedError(9n, 4n, { retryAfterMilliseconds: 1 });
      },
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const request = { minPosition: { position: 9n, epoch: 2n }, includeDeleted: true, staleOk: true };
    for (const options of [{}, { timeoutMilliseconds: 3000 }]) {
      const error = await all(eventStore.load(request, options)).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(PositionNotReachedError);
      expect(error).toMatchObject({ position: 9n, reached: 4n, retryAfterMilliseconds: 1 });
    }
    await all(eventStore.load({}, { timeoutMilliseconds: 3000 })).catch(() => undefined);
    expect(seen[0]?.request).toMatchObject(request);
    expect(seen).toHaveLength(3);
    const [none, some, plain] = seen.map(({ timeout }) => timeout);
    expect(none).toBeUndefined();
    expect(some).toBeGreaterThan(2000);
    expect(some).toBeLessThanOrEqual(3000);
    // A load that waits for nothing may take longer than its first page.
    expect(plain).toBeUndefined();
  });

  it('is tried for its first page as long as the call says', async () => {
    const { store } = loading(async function* () {
      yield* [];
      throw away();
    });
    const { address } = await startService(store);
    const { eventStore } = connectTo({ address });
    const begun = Date.now();
    await expect(all(eventStore.load({}, { timeoutMilliseconds: 200 }))).rejects.toThrow(
      StoreUnavailableError,
    );
    expect(Date.now() - begun).toBeLessThan(4900);
  });

  it('ends on the service too when the loop is left', async () => {
    const { store } = loading(async function* () {
      for (let at = 0n; ; at += 1n) yield page(at, at + 1n);
    });
    const { address, server } = await startService(store);
    for await (const _page of connectTo({ address }).eventStore.load({})) break;
    await until(() => server.openCalls === 0, 'the end of the call');
  });

  it('refuses here what the wire cannot say', async () => {
    const { eventStore } = connectTo({ address: '127.0.0.1:1' });
    await expect(all(eventStore.load({ limit: 0n }))).rejects.toThrow(InvalidRequestError);
    await expect(all(eventStore.load({ filters: [{ positions: { first: 0n } }] }))).rejects.toThrow(
      InvalidRequestError,
    );
  });
});

describe('load of what a replica must have', () => {
  it('has what the client has written, and says in time what the replica has not', async () => {
    const replica = openDatabase();
    const real = await openTestStore({ replica });
    onTestFinished(async () => {
      await real.close();
      await replica.close();
    });
    const { address } = await startService(real.store);
    const { eventStore } = connectTo({ address });
    const stream = { aggregateType: 'Account', aggregateId: '1' };
    const events = [{ eventType: 'Opened', data: new Uint8Array() }];
    const written = await eventStore.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    const minPosition = { position: written.lastPosition, epoch: written.epoch };
    const options = { timeoutMilliseconds: 800 };
    const pages = await all(eventStore.load({ minPosition }, options));
    expect(pages.flatMap((one) => one.events)).toMatchObject([{ stream, position: written.lastPosition }]);
    const begun = Date.now();
    const next = { ...minPosition, position: minPosition.position + 1n };
    const error = await all(eventStore.load({ minPosition: next }, options)).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(PositionNotReachedError);
    expect(error).toMatchObject({ position: next.position, reached: minPosition.position });
    expect(Date.now() - begun).toBeGreaterThan(400);
  });
});

describe('a connection', () => {
  it('is ready when a service answers, and tells what it is', async () => {
    const { address } = await startService(storeThat({}));
    const connection = connectTo({ address: ['127.0.0.1:1', address] });
    await connection.waitForReady();
    expect(await connection.info()).toMatchObject({
      version: '0.0.1',
      startedAt: 1_700_000_000_123_456n,
      limits: { appendEvents: 1000 },
    });
  });

  it('says what is wrong when none answers in time', async () => {
    const waiting = connectTo({ address: '127.0.0.1:1' }).waitForReady({ timeoutMs: 200 });
    await expect(waiting).rejects.toThrow(/cannot be reached.*127\.0\.0\.1:1/);
  });

  it('needs an address', () => {
    expect(() => connect({ address: [] })).toThrow(TypeError);
  });
});
