import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamInfo } from '../../src/core/stream.js';
import type { ListStreamsRequest } from '../../src/core/stream-list.js';
import { listStreamsStatement } from '../../src/postgres/list-streams.js';
import { appendTo, newEvent, thing, to } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const run = (text: string, values: unknown[] = []) =>
  test.database.query('append', text.replaceAll('$schema', `"${test.schema}"`), values);

async function listed(request: ListStreamsRequest): Promise<readonly StreamInfo[]> {
  const streams: StreamInfo[] = [];
  let pageToken: string | undefined = '';
  while (pageToken !== undefined) {
    const page = await test.store.listStreams({ ...request, pageToken });
    streams.push(...page.streams);
    pageToken = page.nextPageToken;
  }
  return streams;
}

describe('the list of streams', () => {
  const letters = [
    'a',
    'b',
    "'",
    '%',
    '_',
    '\\',
    'é',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
  ];
  const word = (minLength: number) =>
    fc.array(fc.constantFrom(...letters), { minLength, maxLength: 4 }).map((parts) => parts.join(''));
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  it('has those whose id begins with a prefix, in the order of bytes, whatever the size of a page', async () => {
    const ids = [...new Set(fc.sample(word(1), { numRuns: 400, seed: 4 }))];
    await test.store.append({ streams: ids.map((id) => to(thing(id, 'Word'), 'ANY', newEvent())) });
    await fc.assert(
      fc.asyncProperty(word(1), fc.constantFrom(1, 2, 7, 1000), async (aggregateIdPrefix, pageSize) => {
        const right = ids.filter((id) => id.startsWith(aggregateIdPrefix)).sort(byBytes);
        // One by one only where they are few.
        const size = right.length > 20 ? Math.max(pageSize, 7) : pageSize;
        const found = await listed({ aggregateType: 'Word', aggregateIdPrefix, pageSize: size });
        expect(found.map(({ stream }) => stream.aggregateId)).toEqual(right);
      }),
      { numRuns: 100 },
    );
  });

  it('says of each what is known about it alone', async () => {
    const { store } = test;
    const names = ['plain', 'cut', 'counted', 'gone', 'again', 'both'].map((name) => thing(name, 'Known'));
    const [, cut, counted, gone, again, both] = names;
    if (!cut || !counted || !gone || !again || !both) throw new Error('Names are missing');
    for (const stream of names) await store.append(appendTo(stream, newEvent(), newEvent(), newEvent()));
    const any = { expectedVersion: 'ANY' as const };
    await store.truncateStream({ ...any, stream: cut, beforeVersion: 3n });
    await store.setRetention({ ...any, stream: counted, retention: { maxCount: 1n } });
    await store.deleteStream({ ...any, stream: gone });
    await store.deleteStream({ ...any, stream: again });
    await store.append({ streams: [to(again, 'NO_STREAM', newEvent())] });
    await store.setRetention({
      ...any,
      stream: both,
      retention: { maxCount: 2n, maxAge: 3_600_000_000n },
    });
    const found = await listed({ aggregateType: 'Known', deleted: 'INCLUDE' });
    expect(found.map(({ stream, firstVersion }) => [stream.aggregateId, Number(firstVersion)])).toEqual([
      ['again', 5],
      ['both', 2],
      ['counted', 3],
      ['cut', 3],
      ['gone', 1],
      ['plain', 1],
    ]);
    for (const info of found) expect(await store.getStream(info.stream)).toEqual(info);
    expect(found[1]?.retention).toEqual({ maxCount: 2n, maxAge: 3_600_000_000n });
    expect(found.filter(({ deletedAt }) => deletedAt !== undefined).map(({ stream }) => stream)).toEqual([
      gone,
    ]);
  });

  it('walks an index from where the page before ended, that of the deleted ones for these', async () => {
    // As many as make the planner choose.
    await run(`INSERT INTO $schema.streams (aggregate_type, aggregate_id, version, created_at, updated_at, deleted_at)
               SELECT 'Many', n::text, 1, now(), now(), CASE WHEN n % 1000 = 0 THEN now() END FROM generate_series(1, 20000) n`);
    await run('ANALYZE $schema.streams');
    const planOf = async (request: ListStreamsRequest) => {
      const { text, values } = listStreamsStatement(test.schema, request, ['Many', '5']);
      const rows = await test.database.query('read', `EXPLAIN (COSTS OFF) ${text}`, values);
      return rows.flat().join('\n');
    };
    for (const deleted of ['EXCLUDE', 'INCLUDE'] as const) {
      const plan = await planOf({ deleted });
      expect(plan).toContain('Index Scan using streams_pkey');
      expect(plan).not.toContain('Sort');
    }
    expect(await planOf({ deleted: 'ONLY' })).toContain('Index Scan using streams_deleted');
    expect(await planOf({ aggregateType: 'Many', aggregateIdPrefix: '12' })).toContain('Index Cond');
    await run(`DELETE FROM $schema.streams WHERE aggregate_type = 'Many'`);
  });
});

describe('the log', () => {
  it('tells its size, its times, and the newest hundred of its lives', async () => {
    const { store } = test;
    const before = await store.getLog();
    expect(before.bytes).toBeGreaterThan(100_000n);
    expect(before.oldest).toBeLessThan(before.newest ?? 0n);
    expect(before.epochs).toEqual([{ epoch: 1n, startedAfterPosition: 0n }]);
    await run(`INSERT INTO $schema.epochs SELECT e, e, 1, 1, now() FROM generate_series(2, 130) e`);
    const { epochs } = await store.getLog();
    expect(epochs).toHaveLength(100);
    expect(epochs[0]).toEqual({ epoch: 31n, startedAfterPosition: 31n });
    expect(epochs.at(-1)).toEqual({ epoch: 130n, startedAfterPosition: 130n });
  });

  it('that is empty has no times', async () => {
    const empty = await openTestStore();
    try {
      expect(await empty.store.getLog()).toMatchObject({
        position: 0n,
        oldest: undefined,
        newest: undefined,
      });
      expect(await empty.store.countEvents()).toEqual({ count: 0n, position: 0n, epoch: 1n });
    } finally {
      await empty.close();
    }
  });
});
