import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Client, StatusObject } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  EventStoreService,
  type LoadResponse,
  type SubscribeResponse,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { ComparisonOperator, ValueKind } from '../../gen/headwater/v1/filter_pb.js';
import type { CallOptions } from '../../src/core/call-options.js';
import { PositionNotReachedError } from '../../src/core/errors.js';
import type { LoadPage, LoadRequest } from '../../src/core/load.js';
import { oneMessageAhead } from '../../src/wire/one-message-ahead.js';
import { openTestStore } from '../support/test-database.js';
import { eventAt, serverStream, startService, statusOf, storeThat, until } from './service.js';

const { load, subscribe } = EventStoreService.method;
const MEGABYTE = new Uint8Array(1024 * 1024);

/** Pages of one event of one MiB without end, and how many were taken. */
function endlessStore() {
  const taken = { pages: 0, returned: 0 };
  async function* pages(): AsyncGenerator<LoadPage, void, undefined> {
    try {
      for (let at = 1n; ; at += 1n) {
        taken.pages += 1;
        yield { events: [eventAt(at, MEGABYTE)], scannedAfter: at - 1n, scannedTo: at, epoch: 1n };
      }
    } finally {
      taken.returned += 1;
    }
  }
  return { taken, store: storeThat({ load: pages, subscribe: pages }) };
}

function statusOfCall(call: ReturnType<typeof serverStream>): Promise<StatusObject> {
  return new Promise((resolve) => call.on('status', resolve));
}

/**
 * A reader that stands still behind its first message. (A grpc-js client that never begins to read is another matter: it
 * takes in everything, and keeps it.)
 */
async function stopsAfterOne(
  call: ReturnType<typeof serverStream>,
): Promise<ReturnType<typeof serverStream>> {
  oneMessageAhead(call);
  await once(call, 'data');
  return call.pause();
}

describe('Load', () => {
  it('answers what was appended, and ends', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    const events = ['Opened', 'Moved'].map((eventType) => ({ eventType, data: Buffer.from(eventType) }));
    await real.store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    const { raw } = await startService(real.store);
    const call = serverStream(raw, load, { scope: { case: 'stream', value: stream } });
    const pages: LoadResponse[] = [];
    for await (const page of call) pages.push(page as LoadResponse);
    expect(pages.flatMap((page) => page.events)).toMatchObject([
      { eventType: 'Opened', version: 1n, stream },
      { eventType: 'Moved', version: 2n, contentType: 'application/octet-stream' },
    ]);
    expect(pages.at(-1)?.scannedTo).toBe(2n);
  });

  it('of a stream that never was is NOT_FOUND', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const { raw } = await startService(real.store);
    const stream = { aggregateType: 'Account', aggregateId: 'none' };
    const status = await statusOfCall(
      serverStream(raw, load, { scope: { case: 'stream', value: stream } }).resume(),
    );
    expect(statusOf(status)).toMatchObject({ code: 5, error: { reason: 'STREAM_NOT_FOUND', stream } });
  });

  it('that breaks in the middle gives what it has and then a bland INTERNAL', async () => {
    const store = storeThat({
      load: async function* () {
        yield { events: [], scannedAfter: 0n, scannedTo: 1n, epoch: 1n };
        throw new TypeError('boom');
      },
    });
    const { raw, logged } = await startService(store);
    const call = serverStream(raw, load);
    let pages = 0;
    call.on('data', () => (pages += 1));
    expect(statusOf(await statusOfCall(call))).toMatchObject({ code: 13, error: { reason: 'INTERNAL' } });
    expect(pages).toBe(1);
    expect(logged).toMatchObject([{ message: 'Unexpected error', fields: { error: 'TypeError' } }]);
  });
});

describe('Load of what is hidden, emptied or not there yet', () => {
  const statusOfLoad = async (raw: Client, request: MessageInitShape<typeof load.input>) =>
    statusOf(await statusOfCall(serverStream(raw, load, request).resume()));

  async function deletedStream() {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    const events = ['secret', 'public'].map((text) => ({
      eventType: 'Noted',
      data: Buffer.from(text),
      metadata: { text },
      tags: [`text:${text}`],
    }));
    await real.store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    const versions = [{ first: 1n, last: 1n }];
    await real.store.eraseEvents({ stream, expectedVersion: 2n, versions });
    await real.store.deleteStream({ stream, expectedVersion: 3n });
    return { real, stream };
  }

  const eventsIn = async (raw: Client, request: MessageInitShape<typeof load.input>) => {
    const pages: LoadResponse[] = [];
    for await (const page of serverStream(raw, load, request)) pages.push(page as LoadResponse);
    return pages.flatMap(({ events }) => events);
  };

  it('shows a deleted stream on request, and an erased event without what it said', async () => {
    const { real, stream } = await deletedStream();
    const { raw } = await startService(real.store);
    const scope = { case: 'stream', value: stream } as const;
    expect(await statusOfLoad(raw, { scope })).toMatchObject({
      code: 9,
      error: { reason: 'STREAM_DELETED', stream },
    });
    expect(await eventsIn(raw, { scope, includeDeleted: true })).toMatchObject([
      { version: 1n, eventType: 'Noted', erased: true, data: new Uint8Array(), metadata: {}, tags: [] },
      { version: 2n, eventType: 'Noted', erased: false, metadata: { text: 'public' } },
      { version: 3n, eventType: '$events-erased', contentType: 'application/json' },
      { version: 4n, eventType: '$stream-deleted' },
    ]);
    const filters = [{ eventTypes: ['$stream-deleted'] }];
    expect(await eventsIn(raw, { filters })).toMatchObject([{ version: 4n }]);
  });

  it('names a comparison that is not one', async () => {
    const { raw } = await startService(storeThat({}));
    const metadata = [
      { key: 'a', values: ['1'] },
      { key: 'a', operator: 42 as ComparisonOperator, kind: 42 as ValueKind },
    ];
    expect(await statusOfLoad(raw, { filters: [{ metadata }] })).toMatchObject({
      code: 3,
      error: {
        violations: [
          { field: 'filters[0].metadata[0].operator', description: 'must be set' },
          { field: 'filters[0].metadata[1].kind' },
          { field: 'filters[0].metadata[1].operator' },
        ],
      },
    });
  });

  it('names a comparison that makes no sense', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const { raw } = await startService(real.store);
    const metadata = [
      { key: 'a', operator: ComparisonOperator.MATCHES, values: ['('] },
      { key: 'a', operator: ComparisonOperator.EQUAL, kind: ValueKind.NUMBER, values: ['1e'] },
      { key: 'a', operator: ComparisonOperator.LESS, kind: ValueKind.BOOLEAN, values: ['true'] },
      { key: 'a', operator: ComparisonOperator.EQUAL, values: ['1', '2'] },
    ];
    const { code, error } = await statusOfLoad(raw, { filters: [{ metadata }] });
    expect(code).toBe(3);
    const paths = 'violations' in error ? (error.violations as { field: string }[]) : [];
    expect(new Set(paths.map(({ field }) => field.slice(0, 'filters[0].metadata[0]'.length)))).toEqual(
      new Set([0, 1, 2, 3].map((index) => `filters[0].metadata[${index}]`)),
    );
  });

  it('compares metadata as what it is told to', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    const events = ['9', '10', 'ten', 'true'].map((value) => ({
      eventType: 'Noted',
      data: Buffer.from('{}'),
      metadata: { value },
    }));
    await real.store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    const { raw } = await startService(real.store);
    const valuesWhere = async (operator: ComparisonOperator, values: string[], kind?: ValueKind) => {
      const metadata = [{ key: 'value', operator, values, ...(kind === undefined ? {} : { kind }) }];
      return (await eventsIn(raw, { filters: [{ metadata }] })).map((event) => event.metadata['value']);
    };
    expect(await valuesWhere(ComparisonOperator.GREATER, ['9'], ValueKind.NUMBER)).toEqual(['10']);
    expect(await valuesWhere(ComparisonOperator.LESS, ['9'])).toEqual(['10']);
    expect(await valuesWhere(ComparisonOperator.NOT_IN, ['9', 'ten'])).toEqual(['10', 'true']);
    expect(await valuesWhere(ComparisonOperator.EQUAL, ['true'], ValueKind.BOOLEAN)).toEqual(['true']);
    expect(await valuesWhere(ComparisonOperator.MATCHES, ['^t'])).toEqual(['ten', 'true']);
  });

  it('hands on what it may wait for, and for how long: until the deadline, and no longer than a call may take', async () => {
    const seen: { request: LoadRequest; options: CallOptions | undefined }[] = [];
    const store = storeThat({
      load: async function* (request: LoadRequest, options?: CallOptions) {
        seen.push({ request, options });
        yield* [];
        throw new PositionNotReachedError(9n, 4n, { retryAfterMilliseconds: 70 });
      },
    });
    const { raw } = await startService(store, { longestDeadlineMs: 20_000 });
    const request = { minPosition: { position: 9n, epoch: 2n }, staleOk: true };
    const withDeadline = async (deadlineMs?: number) =>
      statusOf(await statusOfCall(serverStream(raw, load, request, { deadlineMs }).resume()));
    expect(await withDeadline()).toMatchObject({
      code: 14,
      error: { reason: 'POSITION_NOT_REACHED', position: 9n, reached: 4n, retryAfterMilliseconds: 70 },
    });
    await withDeadline(2000);
    await withDeadline(90_000);
    expect(seen.map((one) => one.request)).toEqual(
      Array.from({ length: 3 }, () => ({
        scope: { kind: 'LOG' },
        filters: [],
        direction: 'FORWARDS',
        ...request,
      })),
    );
    const [none, near, far] = seen.map(({ options }) => options?.timeoutMilliseconds);
    expect(none).toBeUndefined();
    expect(near).toBeGreaterThan(1000);
    expect(near).toBeLessThanOrEqual(2000);
    expect(far).toBe(20_000);
  });
});

describe('many readers at once', () => {
  it('have pages of their own, however long each waits to leave', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const stream = { aggregateType: 'Account', aggregateId: randomUUID() };
    const event = (number: number) => ({
      eventType: 'Moved',
      data: Buffer.from(`${number} `.repeat(1 + (number % 90))),
    });
    const EVENTS = 3000;
    for (let first = 0; first < EVENTS; first += 500) {
      const events = Array.from({ length: 500 }, (_, index) => event(first + index));
      await real.store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
    }
    const { raw } = await startService(real.store);
    const readers = [0, 100, 200, 300].map(async (begin) => {
      const filters = [{ versions: { first: BigInt(begin + 1) } }];
      const call = serverStream(raw, load, { scope: { case: 'stream', value: stream }, filters });
      oneMessageAhead(call);
      let number = begin;
      call.on('data', ({ events }: LoadResponse) => {
        for (const { data } of events) expect(Buffer.compare(data, event(number++).data)).toBe(0);
      });
      await once(call, 'data');
      call.pause();
      // All stand still behind their first page, with others on their way, while one after the other goes on.
      await sleep(100 + begin);
      call.resume();
      await once(call, 'end');
      return number;
    });
    expect(await Promise.all(readers)).toEqual([EVENTS, EVENTS, EVENTS, EVENTS]);
  });
});

describe('a slow reader', () => {
  it.each([
    ['Load', load],
    ['Subscribe', subscribe],
  ])('of %s is not read ahead for', async (_, method) => {
    const { taken, store } = endlessStore();
    const { raw } = await startService(store);
    const call = await stopsAfterOne(serverStream(raw, method));
    await sleep(300);
    // One was read, one lies decoded before the reader, one in the transport, and one fills the window of the outbox.
    expect(taken.pages).toBeLessThanOrEqual(4);
    call.cancel();
    await until(() => taken.returned === 1, 'the end of the iterator');
  });

  it('gets all of it, in order, when it goes on', async () => {
    const { store } = endlessStore();
    const { raw } = await startService(store);
    const call = serverStream(raw, subscribe);
    let expected = 1n;
    for await (const message of call) {
      expect((message as SubscribeResponse).scannedTo).toBe(expected);
      expected += 1n;
      if (expected % 8n === 0n) await sleep(20);
      if (expected > 30n) break;
    }
    call.cancel();
  });

  it('that takes nothing at all is ended with the position from which to go on', async () => {
    const { taken, store } = endlessStore();
    const { raw, server } = await startService(store, { stallTimeoutMs: 150 });
    const call = serverStream(raw, subscribe);
    const status = statusOfCall(call);
    await stopsAfterOne(call);
    // It is let go of at once …
    await until(() => taken.returned === 1, 'the end of the iterator');
    // … and learns of it behind the pages that are on their way.
    let last = 0n;
    call.on('data', (message: SubscribeResponse) => (last = message.scannedTo));
    call.resume();
    const { code, error } = statusOf(await status);
    expect(code).toBe(8);
    expect(error).toMatchObject({ reason: 'OVERLOADED', limit: 'stall', position: last });
    expect(last).toBe(BigInt(taken.pages));
    await until(() => server.openCalls === 0, 'no open call');
  });

  it('that takes nothing of what comes live is ended so too, though nothing more comes', async () => {
    const real = await openTestStore();
    onTestFinished(() => real.close());
    const { raw } = await startService(real.store, { stallTimeoutMs: 300 });
    const call = await stopsAfterOne(serverStream(raw, subscribe));
    const status = statusOfCall(call);
    const data = new Uint8Array(100 * 1024);
    for (let index = 0; index < 12; index += 1)
      await real.store.append({
        streams: [
          {
            stream: { aggregateType: 'Thing', aggregateId: 'large' },
            expectedVersion: 'ANY',
            events: [{ eventType: 'Happened', data }],
          },
        ],
      });
    await until(() => real.store.followers === 0, 'the end of the subscription');
    const positions: bigint[] = [];
    let last = 0n;
    call.on('data', (message: SubscribeResponse) => {
      positions.push(...message.events.map(({ position }) => position));
      last = message.scannedTo;
    });
    call.resume();
    const { code, error } = statusOf(await status);
    expect(code).toBe(8);
    expect(error).toMatchObject({ reason: 'OVERLOADED', limit: 'stall', position: last });
    // As many as there was room for, and no gap.
    expect(positions).toEqual(positions.map((_, index) => BigInt(index) + 1n));
    expect(positions.length).toBeGreaterThan(4);
    expect(positions.length).toBeLessThan(12);
  });
});

describe('a reader that leaves', () => {
  it('ends an iterator that waits, at once', async () => {
    const seen: { signal?: AbortSignal | undefined; ended?: boolean } = {};
    const store = storeThat({
      subscribe: async function* (_request: unknown, options?: { signal?: AbortSignal }) {
        seen.signal = options?.signal;
        yield {
          events: [],
          scannedAfter: 0n,
          scannedTo: 0n,
          epoch: 1n,
          signal: { kind: 'CAUGHT_UP' as const },
        };
        try {
          await new Promise((_resolve, reject) => {
            options?.signal?.addEventListener('abort', () => reject(new Error('left')));
          });
        } finally {
          seen.ended = true;
        }
      },
    });
    const { raw, server, logged } = await startService(store);
    const call = serverStream(raw, subscribe);
    call.once('data', () => call.cancel());
    await until(() => seen.ended === true, 'the end of the iterator');
    expect(seen.signal?.aborted).toBe(true);
    await until(() => server.openCalls === 0, 'no open call');
    expect(logged).toEqual([]);
  });

  it('is not held by an iterator that does not heed its signal', async () => {
    const store = storeThat({
      subscribe: async function* () {
        await new Promise(() => undefined);
        yield { events: [], scannedAfter: 0n, scannedTo: 0n, epoch: 1n };
      },
    });
    const { raw, server } = await startService(store);
    const call = serverStream(raw, subscribe).resume();
    await until(() => server.openCalls === 1, 'the call');
    call.cancel();
    await until(() => server.openCalls === 0, 'no open call');
  });

  it('leaves no listener behind, however many pages there were', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const store = storeThat({
      load: async function* () {
        for (let at = 1n; at <= 2000n; at += 1n)
          yield {
            events: [eventAt(at, MEGABYTE.subarray(0, 5000))],
            scannedAfter: at - 1n,
            scannedTo: at,
            epoch: 1n,
          };
      },
    });
    const { raw, server } = await startService(store);
    const call = serverStream(raw, load);
    let pages = 0;
    for await (const _ of call) {
      pages += 1;
      if (pages % 200 === 0) await sleep(5);
    }
    expect(pages).toBe(2000);
    await until(() => server.openCalls === 0, 'no open call');
    expect(warnings).toEqual([]);
  });
});
