import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PostgresGroupStorage } from '../../../src/postgres/groups/postgres-group-storage.js';
import { slotOf } from '../../../src/subscriptions/groups/slot-of.js';
import { systemRuntime } from '../../../src/system.js';
import { fill, thing } from '../../../src/testing/builders.js';
import { eventually } from '../../../src/testing/contract.js';
import { newGroup, TestMember } from '../../../src/testing/group-storage-members.js';
import { openTestStore, type TestStore } from '../../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from '../sql-session.js';
import { groupStorageOn } from './storage-on.js';

const ACK = 'SELECT $schema.ack($1, $2, $3)';
const SLOTS = 2;
const stream = thing('acked');
const slot = slotOf(stream, SLOTS);
const framework = { describe, it, expect, sleep: (time: number) => systemRuntime.sleep(time) };

let opened: TestStore;
let storage: PostgresGroupStorage;
let first: bigint;
let group: string;
let count = 0;
let sessions: SqlSession[] = [];

const begin = async (
  member: TestMember,
): Promise<{ sql: SqlSession; ack: (position: bigint) => Promise<string | null> }> => {
  const sql = await openSqlSession(opened.schema);
  sessions.push(sql);
  await sql.query('BEGIN');
  return {
    sql,
    ack: async (position) =>
      (await sql.query(ACK, [group, member.memberId, String(position)]))[0]?.[0] ?? null,
  };
};
const joined = async (id: string): Promise<TestMember> => {
  const member = await new TestMember(storage, group, id).join();
  await member.beat();
  return member;
};
const acked = async (): Promise<number> =>
  (
    await opened.database.query('read', `SELECT 1 FROM "${opened.schema}".group_acks WHERE group_name = $1`, [
      group,
    ])
  ).length;

beforeAll(async () => {
  opened = await openTestStore();
  const { lastPosition } = await fill(opened.store, stream, 9);
  first = lastPosition - 8n;
});

beforeEach(async () => {
  count += 1;
  group = `group ${count}`;
  storage = groupStorageOn(opened, { leaseMs: 60_000, releaseMs: 0 });
  await storage.create(newGroup(group, SLOTS));
});

afterEach(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  sessions = [];
});

afterAll(() => opened.close());

describe('an ack in a transaction', () => {
  it('counts only if the transaction is committed', async () => {
    const { ack, sql } = await begin(await joined('a'));
    expect(await ack(first)).toBe('t');
    await sql.query('ROLLBACK');
    expect(await acked()).toBe(0);
    await sql.query('BEGIN');
    expect(await ack(first)).toBe('t');
    await sql.query('COMMIT');
    expect(await acked()).toBe(1);
    expect(await ack(first)).toBe('f');
  });

  it('is a repeat for who asks at the same time and waits for it, unless it is rolled back', async () => {
    const member = await joined('a');
    for (const [end, answer] of [
      ['ROLLBACK', 't'],
      ['COMMIT', 'f'],
    ] as const) {
      const [one, other] = [await begin(member), await begin(member)];
      expect(await one.ack(first + 1n)).toBe('t');
      const waiting = other.ack(first + 1n);
      await eventually(framework, 'it waits', async () => isWaiting(other.sql));
      await one.sql.query(end);
      expect(await waiting).toBe(answer);
      await other.sql.query('ROLLBACK');
    }
  });

  it('keeps its slot from being taken until it ends, and no beat waits for it', async () => {
    const zombie = await joined('a');
    const { ack, sql } = await begin(zombie);
    expect(await ack(first)).toBe('t');
    await zombie.beat({ leaving: true });
    const other = await joined('b');
    expect(other.held.map((held) => held.slot)).toEqual([1 - slot]);
    expect(await ack(first + 1n)).toBe('t');
    await sql.query('COMMIT');
    await other.beat();
    expect(other.held.length).toBe(SLOTS);
    expect(other.orders?.marks).toEqual([{ kind: 'ACKED', slot, stream, position: first + 1n, attempts: 0 }]);
    expect(await refusal(ack(first + 2n))).toMatchObject({
      code: 'ZH029',
      detail: { reason: 'LEASE_LOST', holder: 'a' },
    });
    const mine = await begin(other);
    expect([await mine.ack(first + 1n), await mine.ack(first + 2n)]).toEqual(['f', 't']);
  });

  it('lets its member go on writing the position of the slot', async () => {
    const member = await joined('a');
    const { ack, sql } = await begin(member);
    expect(await ack(first)).toBe('t');
    const news = { slot, fence: 1n, stream, kind: 'FAILING', position: first, attempts: 1 } as const;
    await member.beat({ news: [news] });
    await member.beat({ slots: [{ slot, fence: 1n, position: { position: first } }] });
    expect(member.slot(slot).position).toEqual({ position: first });
    await sql.query('COMMIT');
    await member.beat({ slots: [{ slot, fence: 1n, position: { position: first + 1n } }] });
    expect(await acked()).toBe(0);
  });

  it('waits for a takeover that is under way, and is refused then', async () => {
    const member = await joined('a');
    const taker = await openSqlSession(opened.schema);
    sessions.push(taker);
    await taker.query('BEGIN');
    await taker.query('SELECT 1 FROM $schema.group_slots WHERE group_name = $1 AND slot = $2 FOR UPDATE', [
      group,
      slot,
    ]);
    const { ack, sql } = await begin(member);
    const waiting = refusal(ack(first));
    await eventually(framework, 'it waits', async () => isWaiting(sql));
    await taker.query(
      "UPDATE $schema.group_slots SET member = 'b', fence = fence + 1 WHERE group_name = $1 AND slot = $2",
      [group, slot],
    );
    await taker.query('COMMIT');
    expect(await waiting).toMatchObject({ code: 'ZH029' });
  });

  it('makes a reset and a deletion wait, and fail when it stays open', async () => {
    const { ack, sql } = await begin(await joined('a'));
    expect(await ack(first)).toBe('t');
    const [reset, deletion] = await Promise.allSettled([
      storage.reset(group, { position: 0n }),
      storage.delete(group),
    ]);
    for (const refused of [reset, deletion])
      expect(refused).toMatchObject({ status: 'rejected', reason: { reason: 'OVERLOADED' } });
    const later = storage.reset(group, { position: 0n });
    await sql.query('COMMIT');
    await later;
    expect(await acked()).toBe(0);
  }, 30_000);

  it('is refused for what is no event, no group, null, or in another isolation level', async () => {
    await joined('a');
    const sql = await openSqlSession(opened.schema);
    sessions.push(sql);
    const ask = (...values: (string | null)[]) => refusal(sql.query(ACK, values));
    expect(await ask(group, 'a', '1000')).toMatchObject({
      code: 'ZH009',
      detail: { reason: 'POSITION_UNKNOWN', position: '1000', head: String(first + 8n) },
    });
    expect(await ask('none', 'a', '1')).toMatchObject({ code: 'ZH024', detail: { group: 'none' } });
    expect(await ask(group, null, '1')).toMatchObject({ code: 'ZH007', detail: { field: 'member' } });
    await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    expect(await ask(group, 'a', '1')).toMatchObject({ code: '25001' });
  });

  it('may be asked for by members of headwater_appender, who may not write the tables', async () => {
    await joined('a');
    const sql = await openSqlSession(opened.schema);
    sessions.push(sql);
    await sql.query('SET ROLE headwater_appender');
    expect(await sql.query(ACK, [group, 'a', String(first)])).toEqual([['t']]);
    expect(await refusal(sql.query('DELETE FROM $schema.group_acks'))).toMatchObject({ code: '42501' });
    expect(await refusal(sql.query('SELECT $schema.group_delete($1)', [group]))).toMatchObject({
      code: '42501',
    });
  });
});

async function isWaiting({ pid }: SqlSession): Promise<boolean> {
  const [row] = await opened.database.query(
    'read',
    "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1",
    [pid],
  );
  return row?.[0] === 't';
}
