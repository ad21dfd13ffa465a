import { afterEach, describe, expect, inject, it } from 'vitest';
import type { SubscriptionMessage } from '../../src/core/subscribe.js';
import { Database } from '../../src/postgres/database.js';
import type { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { FaultProxy, through } from '../support/fault-proxy.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';

let test: TestStore | undefined;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await test?.close();
});

const append = (store: PostgresEventStore, aggregateId: string, count = 1, bytes = 10) =>
  store.append({
    streams: [
      {
        stream: { aggregateType: 'Thing', aggregateId },
        expectedVersion: 'ANY',
        events: Array.from({ length: count }, () => ({
          eventType: 'Happened',
          data: Buffer.alloc(bytes, 'x'),
        })),
      },
    ],
  });

/** Reads until the events are so many, and checks that the scanned ranges meet. */
async function take(
  messages: AsyncIterable<SubscriptionMessage>,
  enough: (seen: { positions: bigint[]; signals: string[] }) => boolean,
) {
  const seen = { positions: [] as bigint[], signals: [] as string[] };
  let scannedTo: bigint | undefined;
  for await (const message of messages) {
    if (scannedTo !== undefined) expect(message.scannedAfter).toBe(scannedTo);
    scannedTo = message.scannedTo;
    seen.positions.push(...message.events.map(({ position }) => position));
    if (message.signal) seen.signals.push(message.signal.kind);
    if (enough(seen)) break;
  }
  return seen;
}

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => BigInt(first + i));
const neverPoll = { tail: { pollMilliseconds: 600_000, idlePollMilliseconds: 600_000 } };

describe('a subscription on one instance', () => {
  it('is woken by a commit of another instance through NOTIFY, without polling', async () => {
    test = await openTestStore();
    const follower = storeOn(test, { subscriptions: neverPoll });
    await follower.start();
    closing.push(() => follower.stop());
    const done = take(follower.subscribe({}), ({ positions }) => positions.length === 3);
    await expect.poll(() => follower.followers).toBe(1);
    for (let index = 0; index < 3; index++) {
      await append(test.store, 'a');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await done).positions).toEqual([1n, 2n, 3n]);
  });

  it('polls when notifications do not arrive', async () => {
    test = await openTestStore();
    // Not started, so it does not listen.
    const deaf = storeOn(test, { subscriptions: { tail: { pollMilliseconds: 30 } } });
    const done = take(deaf.subscribe({}), ({ positions }) => positions.length === 2);
    await expect.poll(() => deaf.followers).toBe(1);
    await append(test.store, 'a', 2);
    expect((await done).positions).toEqual([1n, 2n]);
  });

  it('goes on after all its connections were cut, without gap or repetition', async () => {
    test = await openTestStore();
    const proxy = await FaultProxy.before(inject('connection'));
    const database = new Database({
      connection: through(proxy, inject('connection')),
      connectTimeoutMilliseconds: 500,
    });
    const follower = storeOn(
      { database, schema: test.schema },
      { subscriptions: { tail: { pollMilliseconds: 30, idlePollMilliseconds: 30 } } },
    );
    await follower.start();
    closing.push(
      () => proxy.close(),
      () => database.close(),
      () => follower.stop(),
    );
    const messages = follower.subscribe({})[Symbol.asyncIterator]();
    // From here on it lives from the tail reader, which outlasts what a first look at the table would not.
    expect((await messages.next()).value).toMatchObject({ signal: { kind: 'CAUGHT_UP' } });
    const done = take({ [Symbol.asyncIterator]: () => messages }, ({ positions }) => positions.length === 60);
    for (let index = 0; index < 20; index++) {
      await append(test.store, `a${index}`, 3);
      if (index % 5 === 2) proxy.cut(index % 2 === 0);
      if (index % 5 === 4) proxy.cut(false);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    proxy.cut(false);
    expect((await done).positions).toEqual(numbers(1, 60));
  });
});

describe('a reader that is slower than the ring holds', () => {
  it('is told that it fell behind, reads the table, and is told when it has caught up again', async () => {
    test = await openTestStore();
    const small = storeOn(test, {
      subscriptions: { tail: { ring: { bytes: 20_000 }, pollMilliseconds: 20, idlePollMilliseconds: 20 } },
    });
    await small.start();
    closing.push(() => small.stop());
    const iterator = small.subscribe({})[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ signal: { kind: 'CAUGHT_UP' } });
    await append(small, 'first');
    const first = await iterator.next();
    expect(first.value?.events).toHaveLength(1);
    // Another follower keeps the tail reader running while the slow one stands still.
    const other = take(small.subscribe({}), ({ positions }) => positions.length === 101);
    for (let index = 0; index < 100; index++) await append(small, 'many', 1, 1000);
    await other;
    const rest = take(
      { [Symbol.asyncIterator]: () => iterator },
      ({ positions, signals }) => positions.length === 100 && signals.at(-1) === 'CAUGHT_UP',
    );
    const seen = await rest;
    expect(seen.positions).toEqual(numbers(2, 101));
    expect(seen.signals).toEqual(['FELL_BEHIND', 'CAUGHT_UP']);
  });
});

describe('a narrow filter', () => {
  it('moves on through what does not match, live and in the table', async () => {
    test = await openTestStore();
    const follower = storeOn(test, {
      subscriptions: { tail: { progressMilliseconds: 100, pollMilliseconds: 20 } },
    });
    await follower.start();
    closing.push(() => follower.stop());
    for (let index = 0; index < 3; index++) await append(test.store, 'past', 500);
    let scannedTo = 0n;
    for await (const message of follower.subscribe({ filters: [{ eventTypes: ['Never'] }] })) {
      expect(message.events).toEqual([]);
      scannedTo = message.scannedTo;
      if (message.signal?.kind === 'CAUGHT_UP') {
        expect(scannedTo).toBe(1500n);
        await append(follower, 'live', 60);
        await append(follower, 'live', 3);
      }
      if (scannedTo === 1563n) break;
    }
    expect(scannedTo).toBe(1563n);
  });
});

describe('a log that began another life', () => {
  const newEpoch = (schema: string, startedAfter: number) => [
    `INSERT INTO "${schema}".epochs SELECT 2, ${startedAfter}, system_id + 1, timeline, now() FROM "${schema}".log_head`,
    `UPDATE "${schema}".log_head SET epoch = 2`,
  ];

  it('refuses a position of the lost tail, and names the last common one', async () => {
    test = await openTestStore();
    await append(test.store, 'a', 10);
    // As if positions above 6 had been read from a primary that is gone, and others had been given since.
    for (const statement of newEpoch(test.schema, 6)) await test.database.query('append', statement, []);
    const { store } = test;
    const from = (position: bigint, epoch: bigint) =>
      take(store.subscribe({ start: { kind: 'AFTER', after: { position, epoch } } }), ({ signals }) =>
        signals.includes('CAUGHT_UP'),
      );
    await expect(from(8n, 1n)).rejects.toMatchObject({
      reason: 'LOG_EPOCH_CHANGED',
      lastCommonPosition: 6n,
      currentEpoch: 2n,
    });
    expect((await from(6n, 1n)).positions).toEqual([7n, 8n, 9n, 10n]);
    expect((await from(8n, 2n)).positions).toEqual([9n, 10n]);
    await expect(from(8n, 7n)).rejects.toMatchObject({ reason: 'POSITION_UNKNOWN' });
    await expect(from(11n, 2n)).rejects.toMatchObject({ reason: 'POSITION_UNKNOWN', head: 10n });
  });

  it('ends a live subscription that was given what is lost, and lets one go on that was not', async () => {
    test = await openTestStore();
    const follower = storeOn(test, { subscriptions: { tail: { pollMilliseconds: 20 } } });
    await follower.start();
    closing.push(() => follower.stop());
    await append(test.store, 'a', 10);
    const ahead = take(follower.subscribe({}), () => false);
    ahead.catch(() => undefined);
    await expect.poll(() => follower.followers).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const statement of newEpoch(test.schema, 6)) await test.database.query('append', statement, []);
    await expect(ahead).rejects.toMatchObject({ reason: 'LOG_EPOCH_CHANGED', lastCommonPosition: 6n });
    const seen = await take(follower.subscribe({}), ({ signals }) => signals.includes('CAUGHT_UP'));
    expect(seen.positions).toEqual(numbers(1, 10));
  });

  it('opens the epoch by itself when the server is another one, and keeps positions that are not lost', async () => {
    test = await openTestStore();
    await append(test.store, 'a', 5);
    await test.database.query('append', `UPDATE "${test.schema}".log_head SET system_id = system_id + 1`, []);
    const { epoch, firstPosition } = await append(test.store, 'b');
    expect({ epoch, firstPosition }).toEqual({ epoch: 2n, firstPosition: 6n });
    expect(await test.store.log.epochs()).toEqual([
      { epoch: 1n, startedAfterPosition: 0n },
      { epoch: 2n, startedAfterPosition: 5n },
    ]);
    const seen = await take(
      test.store.subscribe({ start: { kind: 'AFTER', after: { position: 5n, epoch: 1n } } }),
      ({ signals }) => signals.includes('CAUGHT_UP'),
    );
    expect(seen.positions).toEqual([6n]);
  });
});
