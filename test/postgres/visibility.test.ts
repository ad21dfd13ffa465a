import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import { firstKeptVersion } from '../../src/core/system-events.js';
import { appendTo, loaded, newEvent, shown, thing, to } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const rows = (text: string, values: unknown[] = []) =>
  test.database.query('read', text.replaceAll('$schema', `"${test.schema}"`), values);
const firstKept = async (...values: unknown[]) => {
  const [row] = await rows(
    'SELECT $schema.first_kept($1, $2, $3, $4, $5, $6, $7::text::bigint[], $8::text::timestamptz)',
    values,
  );
  return BigInt(row?.[0] ?? -1);
};
const NOW = '2026-01-01T00:00:00Z';
/** The longest age that can be set, in microseconds. */
const THOUSAND_YEARS = 1000n * 366n * 86_400n * 1_000_000n;
const change = (aggregateId: string) => ({ stream: thing(aggregateId), expectedVersion: 'ANY' as const });
const many = (count: number) => Array.from({ length: count }, (_, index) => newEvent({ json: index }));

/** Waits until the sweep has emptied so many events of the stream. */
async function emptied(aggregateId: string, count: number): Promise<void> {
  for (;;) {
    const [row] = await rows(
      'SELECT count(*) FROM $schema.events WHERE aggregate_id = $1 AND removed IS NOT NULL',
      [aggregateId],
    );
    if (Number(row?.[0]) >= count) return;
  }
}

describe('the lowest version that is kept', () => {
  it('by count and truncation is what core says', async () => {
    const state = fc.nat({ max: 30 }).chain((version) =>
      fc.record({
        version: fc.constant(version + 1),
        truncatedBefore: fc.integer({ min: 1, max: version + 2 }),
        maxCount: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
        systemVersions: fc.subarray(Array.from({ length: version + 1 }, (_, index) => index + 1)),
      }),
    );
    await fc.assert(
      fc.asyncProperty(state, async ({ version, truncatedBefore, maxCount, systemVersions }) => {
        const right = firstKeptVersion({
          version: BigInt(version),
          hiddenBefore: 1n,
          truncatedBefore: BigInt(truncatedBefore),
          retention: maxCount === undefined ? {} : { maxCount: BigInt(maxCount) },
          systemVersions: systemVersions.map(BigInt),
        });
        const system = `{${systemVersions.join(',')}}`;
        const given = ['Thing', 'none', version, truncatedBefore, maxCount ?? null, null, system, NOW];
        expect(await firstKept(...given)).toBe(right);
      }),
      { numRuns: 300 },
    );
  });

  it('by age is found by halving, and is above the version when all are too old', async () => {
    const seconds = [10, 10, 20, 30, 30, 30, 40, 55, 90];
    const { store, database, schema } = test;
    await store.append(appendTo(thing('aged'), ...many(seconds.length)));
    // Another stream with times of its own, written as no append would.
    await database.query(
      'append',
      `INSERT INTO "${schema}".events
       SELECT 1000000 + e.version, e.aggregate_type, 'timed', e.version, gen_random_uuid(), e.event_type, e.data, e.content_type,
              e.metadata, e.tags, 1, timestamptz '${NOW}' - ($1::integer[])[e.version] * interval '1 second', e.hash, true
         FROM "${schema}".events e WHERE e.aggregate_id = 'aged'`,
      [[...seconds].reverse()],
    );
    const version = seconds.length;
    for (const truncatedBefore of [1, 4, version + 1])
      for (const age of [5, 9, 10, 11, 30, 31, 54, 90, 1000]) {
        const young = [...seconds].reverse().findIndex((old) => old <= age);
        const right = Math.max(truncatedBefore, young < 0 ? version + 1 : young + 1);
        const given = ['Thing', 'timed', version, truncatedBefore, null, age * 1_000_000, '{}', NOW];
        expect(await firstKept(...given)).toBe(BigInt(right));
      }
    expect(await firstKept('Thing', 'timed', version, 1, null, String(THOUSAND_YEARS), '{}', NOW)).toBe(1n);
    expect(await firstKept('Thing', 'timed', version, 1, 2, 1_000_000_000, '{}', NOW)).toBe(8n);
  });
});

describe('a load whose stream changes between two pages', () => {
  it('goes on with what it began: what is emptied meanwhile is not given, and pages meet', async () => {
    const { store } = test;
    const stream = thing('emptied-while-read');
    await store.append({ streams: [to(stream, 'NO_STREAM', ...many(1000))] });
    await store.append({ streams: [to(stream, 1000n, ...many(1000))] });
    await store.append({ streams: [to(stream, 2000n, ...many(500))] });
    const events: Event[] = [];
    let end: bigint | undefined;
    for await (const page of store.load({ scope: { kind: 'STREAM', stream } })) {
      if (end === undefined) {
        await store.truncateStream({ ...change(stream.aggregateId), beforeVersion: 2301n });
        await emptied(stream.aggregateId, 2300);
      } else {
        expect(page.scannedAfter).toBe(end);
      }
      end = page.scannedTo;
      events.push(...page.events);
    }
    expect(events.map(({ version }) => Number(version))).toEqual([
      ...Array.from({ length: 1000 }, (_, index) => index + 1),
      ...Array.from({ length: 200 }, (_, index) => index + 2301),
    ]);
    expect(end).toBe((await store.getLog()).position - 1n);
  });

  it('goes on when it is deleted, and the next one is refused', async () => {
    const { store } = test;
    const stream = thing('deleted-while-read');
    await store.append(appendTo(stream, ...many(1000)));
    await store.append(appendTo(stream, ...many(100)));
    let count = 0;
    for await (const page of store.load({ scope: { kind: 'STREAM', stream } })) {
      if (count === 0) await store.deleteStream(change(stream.aggregateId));
      count += page.events.length;
    }
    expect(count).toBe(1100);
    await expect(loaded(store, { scope: { kind: 'STREAM', stream } })).rejects.toMatchObject({
      reason: 'STREAM_DELETED',
    });
    await expect(
      store.countEvents({ scope: { kind: 'STREAM', stream }, filters: [{ versions: { first: 1n } }] }),
    ).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
  });
});

describe('a scope of several streams', () => {
  it('hides of each what it hides alone', async () => {
    const { store } = test;
    const names = ['plain', 'truncated', 'gone', 'again', 'counted'];
    for (const name of names) await store.append(appendTo(thing(name), ...many(6)));
    await store.truncateStream({ ...change('truncated'), beforeVersion: 4n });
    await store.deleteStream(change('gone'));
    await store.deleteStream(change('again'));
    await store.append({ streams: [to(thing('again'), 'NO_STREAM', newEvent())] });
    await store.setRetention({ ...change('counted'), retention: { maxCount: 2n } });
    const streams = [...names, 'never'].map((name) => thing(name));
    const seen = async (includeDeleted: boolean) => {
      const found: Record<string, number[]> = {};
      for (const { stream, version } of await loaded(store, {
        scope: { kind: 'STREAMS', streams },
        includeDeleted,
      }))
        (found[stream.aggregateId] ??= []).push(Number(version));
      return found;
    };
    expect(await seen(false)).toEqual({
      plain: [1, 2, 3, 4, 5, 6],
      truncated: [4, 5, 6, 7],
      again: [8],
      counted: [5, 6, 7],
    });
    const all = await seen(true);
    expect(all).toMatchObject({ gone: [1, 2, 3, 4, 5, 6, 7], again: [1, 2, 3, 4, 5, 6, 7, 8] });
    for (const name of ['plain', 'truncated', 'again', 'counted'])
      expect(await shown(store, thing(name))).toEqual((await seen(false))[name]);
    expect((await store.countEvents({ scope: { kind: 'STREAMS', streams } })).count).toBe(14n);
    expect(
      (await store.countEvents({ scope: { kind: 'STREAMS', streams }, includeDeleted: true })).count,
    ).toBe(28n);
  });

  it('of which none is there is one empty page', async () => {
    const { store } = test;
    const pages = [];
    for await (const page of store.load({ scope: { kind: 'STREAMS', streams: [thing('x1'), thing('x2')] } }))
      pages.push(page);
    const { position } = await store.getLog();
    expect(pages).toMatchObject([{ events: [], scannedAfter: 0n, scannedTo: position }]);
  });
});

describe('a follower', () => {
  it('passes over what was emptied and is given what deletion hides', async () => {
    const { store } = test;
    const stream = thing('followed');
    await store.append(appendTo(stream, ...many(1000)));
    await store.append(appendTo(stream, ...many(1000)));
    await store.append(appendTo(stream, ...many(1000)));
    await store.truncateStream({ ...change('followed'), beforeVersion: 2901n });
    await emptied('followed', 2900);
    await store.deleteStream(change('followed'));
    const { position } = await store.getLog();
    let end = 0n;
    const versions: number[] = [];
    for await (const page of store.log.scan({ scope: { kind: 'STREAM', stream }, filters: [] }, 0n)) {
      expect(page.scannedAfter).toBe(end);
      end = page.scannedTo;
      versions.push(...page.events.map(({ version }) => Number(version)));
    }
    expect(end).toBe(position);
    expect(versions).toEqual(Array.from({ length: 102 }, (_, index) => index + 2901));
  });
});

describe('a load that needs a position', () => {
  it('is refused when it is above the head, of no epoch, or of a lost tail', async () => {
    const { store, schema } = test;
    const { position, epoch } = await store.getLog();
    await expect(loaded(store, { minPosition: { position, epoch }, limit: 1n })).resolves.toHaveLength(1);
    await expect(loaded(store, { minPosition: { position: position + 1n } })).rejects.toMatchObject({
      reason: 'POSITION_UNKNOWN',
    });
    await expect(loaded(store, { minPosition: { position, epoch: epoch + 7n } })).rejects.toMatchObject({
      reason: 'POSITION_UNKNOWN',
    });
    // As if a fail-over had lost all but three events.
    await test.database.query(
      'append',
      `WITH h AS (UPDATE "${schema}".log_head SET epoch = epoch + 1 RETURNING *)
       INSERT INTO "${schema}".epochs SELECT h.epoch, 3, h.system_id, h.timeline, now() FROM h`,
      [],
    );
    await expect(loaded(store, { minPosition: { position: 3n, epoch }, limit: 1n })).resolves.toHaveLength(1);
    await expect(loaded(store, { minPosition: { position: 4n, epoch } })).rejects.toMatchObject({
      reason: 'LOG_EPOCH_CHANGED',
      lastCommonPosition: 3n,
    });
  });
});
