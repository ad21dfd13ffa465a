import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamNotFoundError } from '../../src/core/errors.js';
import type { Event, NewEvent } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { FromSnapshot, LoadedAggregate } from '../../src/core/loaded-aggregate.js';
import type { StreamId } from '../../src/core/stream.js';
import { seededRandom } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const EVERY_FROM: readonly FromSnapshot[] = ['NONE', 'ANY', { schemaVersion: 1 }, { schemaVersion: 2 }];

const eventOf = (text: string): NewEvent => ({
  eventType: 'Noted',
  data: Buffer.from(text),
  metadata: { by: 'ada' },
  tags: ['a:b'],
});

/** The same by the ways that every store has. */
async function pieceByPiece(
  store: EventStore,
  stream: StreamId,
  from: FromSnapshot,
): Promise<Omit<LoadedAggregate, 'readTo'>> {
  const info = await store.getStream(stream).catch((error: unknown) => {
    if (error instanceof StreamNotFoundError) return undefined;
    throw error;
  });
  const deleted = info?.deletedAt !== undefined;
  if (info === undefined || deleted)
    return { version: info?.version ?? 0n, deleted, snapshot: undefined, events: [], more: false };
  const snapshot =
    from === 'NONE' ? undefined : await store.getSnapshot(stream, typeof from === 'string' ? {} : from);
  const events: Event[] = [];
  const filters = snapshot === undefined ? [] : [{ versions: { first: snapshot.version + 1n } }];
  for await (const page of store.load({ scope: { kind: 'STREAM', stream }, filters }))
    events.push(...page.events);
  return { version: info.version, deleted, snapshot, events, more: false };
}

async function step(store: EventStore, stream: StreamId, random: () => number): Promise<unknown> {
  const upTo = (limit: number) => 1 + Math.floor(random() * limit);
  const change = { stream, expectedVersion: 'ANY' } as const;
  const dice = random() * 16;
  if (dice < 6) {
    const events = Array.from({ length: upTo(4) }, (_, index) => eventOf(`${index}`));
    const version = await store.getStream(stream).catch(() => undefined);
    const expectedVersion = version?.deletedAt === undefined ? 'ANY' : 'NO_STREAM';
    return store.append({ streams: [{ stream, expectedVersion, events }] });
  }
  if (dice < 10) {
    const { version } = await store.getStream(stream);
    const data = Buffer.from(`state ${version}`);
    return store.saveSnapshot(stream, { version, data, contentType: 'text/plain', schemaVersion: upTo(2) });
  }
  if (dice < 11) return store.deleteStream(change);
  if (dice < 12) return store.restoreStream(change);
  if (dice < 13) return store.truncateStream({ ...change, beforeVersion: BigInt(1 + upTo(4)) });
  if (dice < 14) return store.setRetention({ ...change, retention: { maxCount: BigInt(upTo(5)) } });
  if (dice < 15) return store.setRetention({ ...change, retention: {} });
  const first = BigInt(upTo(5));
  return store.eraseEvents({ ...change, versions: [{ first, last: first + 1n }] });
}

describe('aggregates that are loaded in one go', () => {
  it('are what is loaded of them piece by piece, through deletions, truncations, retention and erasures', async () => {
    const { store } = test;
    const random = seededRandom(6);
    for (let story = 0; story < 3; story++) {
      const streams = Array.from({ length: 5 }, (_, index) => ({
        aggregateType: index % 2 === 0 ? 'Story' : 'Tale',
        aggregateId: `${story}-${index}`,
      }));
      for (let count = 0; count < 96; count++) {
        const stream = streams[Math.floor(random() * 4)] as StreamId;
        // A refusal changes nothing.
        await step(store, stream, random).catch(() => undefined);
        if (count % 12 > 0) continue;
        const asked = streams.flatMap((one) => EVERY_FROM.map((from) => ({ stream: one, from })));
        // All at once, and so in one statement.
        const loaded = await Promise.all(
          asked.map(({ from, stream: one }) => store.loadAggregate(one, from)),
        );
        const { position, epoch } = await store.head();
        for (const [index, { from, stream: one }] of asked.entries())
          expect(
            loaded[index],
            `story ${story}, step ${count}, ${one.aggregateId} from ${JSON.stringify(from)}`,
          ).toEqual({
            ...(await pieceByPiece(store, one, from)),
            readTo: { position, epoch },
          });
      }
    }
  });

  it('come without a snapshot that an erasure under way has yet to throw away, and with shells', async () => {
    const { database, schema, store } = test;
    const stream: StreamId = { aggregateType: 'Account', aggregateId: 'erasing' };
    await store.append({
      streams: [{ stream, expectedVersion: 'NO_STREAM', events: ['a', 'b', 'c'].map(eventOf) }],
    });
    await store.saveSnapshot(stream, { version: 1n, data: Buffer.from('1'), contentType: 'text/plain' });
    await store.saveSnapshot(stream, { version: 3n, data: Buffer.from('3'), contentType: 'text/plain' });
    const pending = (range: readonly [number, number]) =>
      database.query(
        'append',
        `UPDATE "${schema}".streams SET erase_from = $1, erase_before = $2 WHERE aggregate_id = 'erasing'`,
        [...range],
      );
    await pending([2, 3]);
    try {
      expect(await store.loadAggregate(stream, 'ANY')).toMatchObject({
        snapshot: { version: 1n },
        events: [
          { version: 2n, erased: true, data: Buffer.alloc(0), metadata: {}, tags: [] },
          { version: 3n, tags: ['a:b'] },
        ],
      });
    } finally {
      await pending([1, 1]);
    }
    expect(await store.loadAggregate(stream, 'ANY')).toMatchObject({ snapshot: { version: 3n }, events: [] });
  });

  it('say that there is more where it is too much for one go', async () => {
    const { store } = test;
    const load = async (aggregateId: string, events: readonly NewEvent[]) => {
      const stream: StreamId = { aggregateType: 'Long', aggregateId };
      await store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
      const { events: loaded, more, version } = await store.loadAggregate(stream, 'ANY');
      expect(version).toBe(BigInt(events.length));
      expect(loaded.map((event) => event.version)).toEqual(loaded.map((_, index) => BigInt(index + 1)));
      return { events: loaded.length, more };
    };
    const some = (count: number, text: string) => Array.from({ length: count }, () => eventOf(text));
    expect(await load('at the limit', some(256, ''))).toEqual({ events: 256, more: false });
    expect(await load('above it', some(257, ''))).toEqual({ events: 256, more: true });
    expect(await load('large at last', [...some(2, ''), eventOf('x'.repeat(70_000))])).toEqual({
      events: 2,
      more: true,
    });
    expect(await load('large at once', [eventOf('x'.repeat(70_000)), ...some(2, '')])).toEqual({
      events: 0,
      more: true,
    });
  });

  it('are all there, however large their snapshots are together', async () => {
    const { store } = test;
    const streams = Array.from({ length: 11 }, (_, index) => ({
      aggregateType: 'Large',
      aggregateId: `${index}`,
    }));
    for (const [index, stream] of streams.entries()) {
      await store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [eventOf('')] }] });
      const data = Buffer.alloc(1024 * 1024, index);
      await store.saveSnapshot(stream, { version: 1n, data, contentType: 'text/plain' });
    }
    const loaded = await Promise.all(streams.map((stream) => store.loadAggregate(stream, 'ANY')));
    expect(loaded.map(({ snapshot }) => snapshot?.data[0])).toEqual(streams.map((_, index) => index));
  });

  it('are refused with what is wrong about their names, which spoils no others', async () => {
    const { store } = test;
    const [wrong, right] = await Promise.allSettled([
      store.loadAggregate({ aggregateType: 'A', aggregateId: 'nul\u0000' }, 'ANY'),
      store.loadAggregate({ aggregateType: "'; --", aggregateId: '$1 {"\\' }, 'ANY'),
    ]);
    expect(wrong).toMatchObject({ status: 'rejected', reason: { reason: 'INVALID_REQUEST' } });
    expect(right).toMatchObject({ status: 'fulfilled', value: { version: 0n } });
    const aborted = AbortSignal.abort(new Error('Too late'));
    await expect(
      store.loadAggregate({ aggregateType: 'A', aggregateId: 'a' }, 'ANY', { signal: aborted }),
    ).rejects.toThrow('Too late');
  });
});
