import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamId } from '../../src/core/stream.js';
import { countStatement } from '../../src/postgres/count-events.js';
import { eventsStatement } from '../../src/postgres/select-events.js';
import { loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { openTestDatabase, storeOn, type TestStore } from '../support/test-database.js';

// A store that is not started does not sweep, so what was marked stays marked.
let test: TestStore;
beforeAll(async () => {
  const opened = await openTestDatabase();
  const store = storeOn(opened);
  test = { ...opened, store };
});
afterAll(async () => {
  await test.store.stop();
  await test.close();
});

const sql = (text: string, values: readonly unknown[] = []) => test.database.query('append', text, values);
const table = (name: string) => `"${test.schema}".${name}`;
const shell = { contentType: '', metadata: {}, tags: [], erased: true };

/** A stream of three events whose erasure is committed, and of which nothing is emptied yet. */
async function erasing(id: string, events = 3): Promise<StreamId> {
  const stream = thing(id);
  const secret = () => newEvent({ json: { s: 'secret' }, metadata: { who: id }, tags: [`tag:${id}`] });
  await test.store.append({
    streams: [to(stream, 'NO_STREAM', ...Array.from({ length: events }, secret))],
  });
  await test.store.deleteStream({ stream, expectedVersion: 'ANY' });
  await sql(`UPDATE ${table('streams')} SET erase_before = version WHERE aggregate_id = $1`, [id]);
  return stream;
}

const whole = async (stream: StreamId) =>
  (
    await sql(`SELECT count(*) FROM ${table('events')} WHERE aggregate_id = $1 AND removed IS NULL`, [
      stream.aggregateId,
    ])
  )[0]?.[0];

describe('events that an erasure has yet to come to', () => {
  it('are erased for every reader at once', async () => {
    const stream = await erasing('read');
    expect(await whole(stream)).toBe('4');
    const inStream = await loaded(test.store, { scope: { kind: 'STREAM', stream }, includeDeleted: true });
    const byType = await loaded(test.store, { filters: [{ eventTypes: ['Happened'] }] });
    for (const events of [inStream.slice(0, 3), byType]) {
      expect(events.length).toBe(3);
      for (const event of events) {
        expect(event).toMatchObject(shell);
        expect(event.data.byteLength).toBe(0);
      }
    }
    expect(inStream[3]?.erased).toBe(undefined);
    await test.store.restoreStream({ stream, expectedVersion: 'ANY' });
    const [row] = await sql(
      `SELECT data, raw, metadata, tags, erased FROM ${table('load')}('Thing', 'read') LIMIT 1`,
    );
    expect(row).toEqual([null, '\\x', '{}', '{}', 't']);
  });

  it('are found by what their shell says, and no longer by tag or metadata', async () => {
    await erasing('found');
    const number = async (filter: object) => {
      const filters = [filter];
      const { length } = await loaded(test.store, { filters });
      expect((await test.store.countEvents({ filters })).count).toBe(BigInt(length));
      return length;
    };
    expect(await number({ tags: ['tag:found'] })).toBe(0);
    expect(await number({ metadata: [{ key: 'who', operator: 'EQUAL', values: ['found'] }] })).toBe(0);
    const notAda = { key: 'who', operator: 'NOT_EQUAL', values: ['ada'] };
    const stream = thing('found');
    const inStream = async (filter: object) =>
      (
        await loaded(test.store, {
          scope: { kind: 'STREAM', stream },
          includeDeleted: true,
          filters: [filter],
        })
      ).length;
    expect(await inStream({ metadata: [notAda] })).toBe(4);
    expect(await inStream({ metadata: [{ ...notAda, operator: 'MATCHES', values: ['.'] }] })).toBe(0);
    expect(await inStream({ tags: ['tag:found'] })).toBe(0);
  });

  it('break no append condition', async () => {
    await erasing('condition');
    const condition = { items: [{ tags: ['tag:condition'] }] };
    const taken = { ...newEvent({ tags: ['tag:condition'] }) };
    const { lastPosition } = await test.store.append({
      streams: [to(thing('other'), 'NO_STREAM', taken)],
      condition,
    });
    await expect(
      test.store.append({ streams: [to(thing('other'), 'ANY', newEvent())], condition }),
    ).rejects.toMatchObject({ position: lastPosition });
  });

  it('are counted by what is told about the stream, until it is emptied', async () => {
    const stream = await erasing('told');
    expect((await test.store.getStream(stream)).erasing).toBe(3n);
    await test.store.eraseStream({ stream, expectedVersion: 'ANY' });
    expect((await test.store.getStream(stream)).erasing).toBe(0n);
    expect(await whole(stream)).toBe('2');
  });
});

describe('where no erasure is pending', () => {
  it('a statement finds that out once, by an index, and looks at no stream for its events', async () => {
    for (const stream of ['read', 'found', 'condition'])
      await test.store.eraseStream({ stream: thing(stream), expectedVersion: 'ANY' });
    await sql(
      `INSERT INTO ${table('streams')} (aggregate_type, aggregate_id, version, created_at, updated_at)
       SELECT 'Other', n::text, 1, now(), now() FROM generate_series(1, 5000) n`,
    );
    await sql(`ANALYZE ${table('streams')}`);
    const sought = {
      place: { kind: 'LOG' },
      after: 0n,
      to: 1000n,
      filters: [{ tags: ['tag:none'] }],
    } as const;
    for (const { text, values } of [
      countStatement(test.schema, {
        ...sought,
        filters: [{ metadata: [{ key: 'a', operator: 'EQUAL', values: ['b'] }] }],
      }),
      eventsStatement(test.schema, { ...sought, filters: [], direction: 'FORWARDS', limit: 100 }),
    ]) {
      const [plan, scans] = await test.database.withSession(async (session) => {
        await session.query('BEGIN');
        const lines = await session.query(`EXPLAIN (ANALYZE, COSTS OFF) ${text}`, values);
        const [counts] = await session.query(
          `SELECT seq_scan, idx_scan <= 1 FROM pg_stat_xact_user_tables WHERE schemaname = $1 AND relname = 'streams'`,
          [test.schema],
        );
        await session.query('ROLLBACK');
        return [lines.map(([line]) => line).join('\n'), counts] as const;
      });
      expect(plan).toMatch(/InitPlan 1\b.*\n *->  Result \((never executed|.*rows=1(\.00)? loops=1)\)/);
      expect(scans).toEqual(['0', 't']);
    }
  });
});
