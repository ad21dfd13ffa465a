import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import {
  AggregateService,
  type GetAggregateRequestSchema,
  type GetAggregateResponse,
  type WatchAggregateResponse,
} from '../../gen/headwater/v1/aggregate_service_pb.js';
import { CommandRegistry } from '../../src/commands/command-registry.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import type { InvalidRequestError } from '../../src/core/errors.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import type { StreamId } from '../../src/core/stream.js';
import { systemRuntime } from '../../src/system.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { failureOf, serverStream, startService, unary, until } from './service.js';

const { deleteSnapshots, getAggregate, getSnapshot, listAggregates, saveSnapshot, watchAggregate } =
  AggregateService.method;

const counter = defineAggregate({
  type: 'Counter',
  initialState: () => ({ count: 0 }),
  events: eventTypes().register('Counted', { codec: json(z.object({ by: z.number() })) }),
  evolve: (state, { payload }) => ({ count: state.count + payload.by }),
  commands: {},
});

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.close());

async function append(stream: StreamId, ...numbers: number[]): Promise<bigint> {
  const events = numbers.map((by) => ({
    eventType: 'Counted',
    data: Buffer.from(JSON.stringify({ by })),
    contentType: 'application/json',
  }));
  return (await opened.store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] })).lastPosition;
}

const newStream = (aggregateType = 'Counter') => ({ aggregateType, aggregateId: systemRuntime.newEventId() });

function all(
  raw: Client,
  request: MessageInitShape<typeof GetAggregateRequestSchema>,
): Promise<GetAggregateResponse[]> {
  return new Promise((resolve, reject) => {
    const answers: GetAggregateResponse[] = [];
    const call = serverStream(raw, getAggregate, request);
    call.on('data', (answer: GetAggregateResponse) => answers.push(answer));
    call.on('error', reject);
    call.on('end', () => resolve(answers));
  });
}

const service = async () => {
  const { raw } = await startService(opened.store, { domain: new CommandRegistry().register(counter) });
  return raw;
};
const stateOf = ([first]: GetAggregateResponse[]) =>
  JSON.parse(Buffer.from(first?.state ?? []).toString()) as unknown;

describe('an aggregate that a domain folds', () => {
  it('is told as it is, and as it was at a version, a position and a time', async () => {
    const raw = await service();
    const aggregate = newStream();
    const position = await append(aggregate, 1, 2);
    const before = await all(raw, { aggregate });
    expect(stateOf(before)).toEqual({ count: 3 });
    expect(before[0]?.aggregate).toMatchObject({ version: 2n, exists: true, deleted: false });
    const updatedAt = before[0]?.aggregate?.updatedAt;
    await systemRuntime.sleep(5);
    await append(aggregate, 4);
    expect(stateOf(await all(raw, { aggregate }))).toEqual({ count: 7 });
    const early = await all(raw, { aggregate, at: { case: 'version', value: 1n } });
    expect(stateOf(early)).toEqual({ count: 1 });
    expect(early[0]?.aggregate).toMatchObject({ version: 1n, exists: true });
    expect(stateOf(await all(raw, { aggregate, at: { case: 'position', value: position } }))).toEqual({
      count: 3,
    });
    if (updatedAt === undefined) throw new Error('It has no time');
    const then = await all(raw, { aggregate, at: { case: 'time', value: updatedAt } });
    expect(stateOf(then)).toEqual({ count: 3 });
    expect(then[0]?.aggregate?.updatedAt).toEqual(updatedAt);
  });

  it('is not there, or refused as deleted, unless that is asked for', async () => {
    const raw = await service();
    const aggregate = newStream();
    expect((await failureOf(all(raw, { aggregate }))).error.reason).toBe('STREAM_NOT_FOUND');
    await append(aggregate, 5);
    await opened.store.deleteStream({ stream: aggregate, expectedVersion: 1n });
    expect((await failureOf(all(raw, { aggregate }))).error.reason).toBe('STREAM_DELETED');
    const shown = await all(raw, { aggregate, includeDeleted: true });
    expect(stateOf(shown)).toEqual({ count: 5 });
    expect(shown[0]?.aggregate).toMatchObject({ exists: false, deleted: true });
  });
});

describe('an aggregate that nobody folds', () => {
  it('is told as snapshot and the events behind it', async () => {
    const raw = await service();
    const aggregate = newStream('Plain');
    await append(aggregate, 1, 2, 3);
    const whole = await all(raw, { aggregate });
    expect(whole[0]).toMatchObject({ aggregate: { version: 3n, exists: true } });
    expect(whole[0]?.snapshot).toBeUndefined();
    expect(whole[0]?.state).toHaveLength(0);
    expect(whole.flatMap(({ events }) => events.map(({ version }) => version))).toEqual([1n, 2n, 3n]);
    const data = Buffer.from('{"count":3}');
    await opened.store.saveSnapshot(aggregate, { version: 2n, data, contentType: 'application/json' });
    const [now] = await all(raw, { aggregate });
    expect(now).toMatchObject({ snapshot: { version: 2n }, events: [{ version: 3n }] });
    const [atOne] = await all(raw, { aggregate, at: { case: 'version', value: 1n } });
    expect(atOne).toMatchObject({
      aggregate: { version: 1n },
      events: [{ version: 1n }],
    });
    expect(atOne?.snapshot).toBeUndefined();
    const [atTwo] = await all(raw, { aggregate, at: { case: 'version', value: 2n } });
    expect(atTwo).toMatchObject({ aggregate: { version: 2n }, snapshot: { version: 2n }, events: [] });
  });

  it('of any length comes in several messages', async () => {
    const raw = await service();
    const aggregate = newStream('Plain');
    for (let batch = 0; batch < 3; batch++)
      await opened.store.append({
        streams: [
          {
            stream: aggregate,
            expectedVersion: 'ANY',
            events: Array.from({ length: 3 }, () => ({ eventType: 'Big', data: Buffer.alloc(1_000_000) })),
          },
        ],
      });
    const parts = await all(raw, { aggregate });
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.filter((part) => part.aggregate !== undefined)).toHaveLength(1);
    expect(parts.flatMap(({ events }) => events)).toHaveLength(9);
  });

  it.each(['Counter', 'Plain'])('%s: a version that it has not come to is refused', async (type) => {
    const raw = await service();
    const aggregate = newStream(type);
    await append(aggregate, 1);
    for (const value of [0n, 2n]) {
      const { code, error } = await failureOf(all(raw, { aggregate, at: { case: 'version', value } }));
      expect(code).toBe(3);
      expect((error as InvalidRequestError).violations[0]?.field).toBe('version');
    }
    const before = { case: 'position' as const, value: 0n };
    expect((await failureOf(all(raw, { aggregate, at: before }))).code).not.toBe(0);
  });
});

describe('aggregates', () => {
  it('are listed by type and page by page, with deleted ones or without', async () => {
    const raw = await service();
    const type = `T${systemRuntime.newEventId()}`;
    const streams = Array.from({ length: 5 }, () => newStream(type));
    for (const stream of streams) await append(stream, 1);
    await opened.store.deleteStream({ stream: streams[0] as StreamId, expectedVersion: 1n });
    const first = await unary(raw, listAggregates, { aggregateType: type, pageSize: 3 });
    expect(first.aggregates).toHaveLength(3);
    const rest = await unary(raw, listAggregates, {
      aggregateType: type,
      pageSize: 3,
      pageToken: first.nextPageToken,
    });
    expect(rest.aggregates).toHaveLength(1);
    expect(rest.nextPageToken).toBe('');
    const { aggregates } = await unary(raw, listAggregates, { aggregateType: type, deleted: 2 });
    expect(aggregates.filter(({ deleted, exists }) => deleted && !exists)).toHaveLength(1);
    expect(aggregates).toHaveLength(5);
    expect((await failureOf(unary(raw, listAggregates, {}))).code).toBe(3);
  });
});

describe('snapshots', () => {
  it('are kept, found and thrown away', async () => {
    const raw = await service();
    const aggregate = newStream();
    const none = await failureOf(unary(raw, getSnapshot, { aggregate }));
    expect(none.code).toBe(5);
    expect(none.error).toMatchObject({ reason: 'SNAPSHOT_NOT_FOUND', stream: aggregate });
    await append(aggregate, 1, 2, 3);
    const data = Buffer.from('{"count":1}');
    for (const version of [1n, 2n])
      await unary(raw, saveSnapshot, {
        aggregate,
        snapshot: { version, data, contentType: 'application/json' },
      });
    expect((await unary(raw, getSnapshot, { aggregate })).snapshot).toMatchObject({
      version: 2n,
      schemaVersion: 1,
    });
    expect((await unary(raw, getSnapshot, { aggregate, upToVersion: 1n })).snapshot?.version).toBe(1n);
    expect((await failureOf(unary(raw, getSnapshot, { aggregate, schemaVersion: 9 }))).code).toBe(5);
    const wrong = { aggregate, snapshot: { version: 9n, data, contentType: 'application/json' } };
    expect((await failureOf(unary(raw, saveSnapshot, wrong))).code).toBe(3);
    expect((await failureOf(unary(raw, saveSnapshot, {}))).code).toBe(3);
    expect((await unary(raw, deleteSnapshots, { aggregate })).deleted).toBe(2n);
    expect((await unary(raw, deleteSnapshots, { aggregate })).deleted).toBe(0n);
  });
});

describe('a watch', () => {
  it('tells of each change, from before it exists until it is deleted', async () => {
    const raw = await service();
    const aggregate = newStream();
    const seen: WatchAggregateResponse[] = [];
    const call = serverStream(raw, watchAggregate, { aggregate });
    onTestFinished(() => call.cancel());
    call.on('data', (answer: WatchAggregateResponse) => seen.push(answer));
    await until(() => seen.length === 1, 'the beginning');
    expect(seen[0]?.aggregate).toMatchObject({ version: 0n, exists: false });
    const position = await append(aggregate, 4);
    await until(() => seen.length === 2, 'the first event');
    expect(JSON.parse(Buffer.from(seen[1]?.state ?? []).toString())).toEqual({ count: 4 });
    expect(seen[1]?.position).toBeGreaterThanOrEqual(position);
    await opened.store.deleteStream({ stream: aggregate, expectedVersion: 1n });
    await until(() => seen.length === 3, 'the deletion');
    expect(seen[2]?.aggregate).toMatchObject({ exists: false, deleted: true });
  });

  it('gives a slow reader the newest state, and not all in between', async () => {
    const raw = await service();
    const aggregate = newStream();
    const seen: bigint[] = [];
    const call = serverStream(raw, watchAggregate, { aggregate });
    onTestFinished(() => call.cancel());
    call.on('data', (answer: WatchAggregateResponse) => seen.push(answer.aggregate?.version ?? 0n));
    await until(() => seen.length === 1, 'the beginning');
    await Promise.all(Array.from({ length: 50 }, () => append(aggregate, 1)));
    await until(() => seen.at(-1) === 50n, 'the newest state');
    expect(seen.length).toBeLessThan(52);
    expect(seen).toEqual([...seen].sort((a, b) => Number(a - b)));
  });

  it('ends when the service shuts down, so that it goes on elsewhere', async () => {
    const { raw, server } = await startService(opened.store);
    const call = serverStream(raw, watchAggregate, { aggregate: newStream() });
    const ended = new Promise<number>((resolve) => call.on('status', ({ code }) => resolve(code)));
    await new Promise((resolve) => call.once('data', resolve));
    await server.drain(2000);
    expect(await ended).toBe(14);
  });
});
