import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/subscriptions/groups/slot-of.js';
import { systemRuntime } from '../../src/system.js';
import { fill, thing } from '../../src/testing/builders.js';
import { eventually } from '../../src/testing/contract.js';
import { newGroup, TestMember } from '../../src/testing/group-storage-members.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from '../postgres/sql-session.js';
import { groupStorageOn } from '../postgres/groups/storage-on.js';

const WORKERS = 8;
const SLOTS = 16;
const STREAMS = 40;
const EVENTS = 25;
const CHURN_MS = 3000;
const random = (below: number) => Math.floor(Math.random() * below);

let opened: TestStore;
const streams = Array.from({ length: STREAMS }, (_, id) => thing(`stream ${id}`));
const events: { readonly position: bigint; readonly slot: number }[] = [];

beforeAll(async () => {
  opened = await openTestStore();
  for (const stream of streams) {
    const { lastPosition } = await fill(opened.store, stream, EVENTS);
    for (let back = 0; back < EVENTS; back++)
      events.push({ position: lastPosition - BigInt(back), slot: slotOf(stream, SLOTS) });
  }
  await opened.database.query('append', `CREATE TABLE "${opened.schema}".effects (position bigint)`, []);
});

afterAll(() => opened.close());

/** What all members were told, by slot and fence. */
class Ledger {
  readonly #held = new Map<
    string,
    { member: string; first: bigint; last: bigint; slot: number; fence: bigint }
  >();

  hear({ held, memberId }: TestMember): void {
    for (const { fence, position, slot } of held) {
      const key = `${slot} ${fence}`;
      const known = this.#held.get(key);
      if (known === undefined)
        this.#held.set(key, {
          member: memberId,
          first: position.position,
          last: position.position,
          slot,
          fence,
        });
      else {
        expect(memberId, `slot ${slot} under fence ${fence} has two holders`).toBe(known.member);
        expect(position.position >= known.last, `slot ${slot} went back`).toBe(true);
        known.last = position.position;
      }
    }
  }

  /** Gives how many times slots changed hands. */
  check(): number {
    const all = [...this.#held.values()].sort(
      (one, other) => one.slot - other.slot || Number(one.fence - other.fence),
    );
    for (const [index, one] of all.entries()) {
      const before = all[index - 1];
      if (before?.slot !== one.slot) continue;
      expect(one.first >= before.last, `slot ${one.slot} went back between two holders`).toBe(true);
    }
    return all.length - SLOTS;
  }
}

describe('members that come, go and fall silent, while their consumers acknowledge in transactions of their own', () => {
  it('never share a slot, never lose a position, and no effect takes place twice', async () => {
    const churning = groupStorageOn(opened, { leaseMs: 300, releaseMs: 100 });
    await churning.create(newGroup('churned', SLOTS));
    const ledger = new Ledger();
    const end = performance.now() + CHURN_MS;
    const sessions: SqlSession[] = [];
    let effects = 0;
    let refused = 0;

    const members: TestMember[] = [];

    // As a consumer does whose member may have lost its slots, or fallen silent, without its knowing.
    const consume = async (worker: number) => {
      const sql = await openSqlSession(opened.schema);
      sessions.push(sql);
      while (performance.now() < end) {
        await systemRuntime.sleep(random(10));
        const member = members[worker];
        const { slot } = member?.held[random(member.held.length)] ?? { slot: -1 };
        const mine = events.filter((event) => event.slot === slot);
        const position = String(mine[random(mine.length)]?.position ?? 0n);
        if (position === '0') continue;
        await systemRuntime.sleep(random(3) === 0 ? random(100) : 0);
        await sql.query('BEGIN');
        const ack = sql.query('SELECT $schema.ack($1, $2, $3)', ['churned', member?.memberId, position]);
        try {
          const [row] = await ack;
          await systemRuntime.sleep(random(60));
          if (row?.[0] === 't') {
            await sql.query('INSERT INTO $schema.effects VALUES ($1)', [position]);
            effects += 1;
          }
          await sql.query('COMMIT');
        } catch {
          expect(await refusal(ack)).toMatchObject({ code: 'ZH029' });
          refused += 1;
          await sql.query('ROLLBACK');
        }
      }
    };

    const work = async (worker: number) => {
      for (let life = 0; performance.now() < end; life++) {
        const member = await new TestMember(churning, 'churned', `${worker}.${life}`).join();
        members[worker] = member;
        let gone = false;
        while (!gone && performance.now() < end) {
          const slots = member.held.map((held) => ({
            ...held,
            position: { position: held.position.position + BigInt(random(3)) },
            release: held.wanted && random(4) > 0,
          }));
          const leaving = random(60) === 0;
          const { ended } = await member.beat({ slots, leaving });
          ledger.hear(member);
          gone = leaving || ended !== undefined || random(60) === 0;
        }
        // What it had is its consumer's to try for a while.
        await systemRuntime.sleep(random(100));
      }
    };
    await Promise.all(
      Array.from({ length: WORKERS }, (_, worker) => Promise.all([work(worker), consume(worker)])),
    );
    await Promise.all(sessions.map((session) => session.close()));

    const lasting = groupStorageOn(opened, { leaseMs: 60_000, releaseMs: 60_000 });
    const last = await Promise.all(
      Array.from({ length: WORKERS }, (_, id) => new TestMember(lasting, 'churned', `last ${id}`).join()),
    );
    const framework = { describe, it, expect, sleep: (time: number) => systemRuntime.sleep(time) };
    await eventually(framework, 'those that are gone are forgotten', async () => {
      const { members } = await lasting.read('churned');
      return members.length === WORKERS;
    });
    for (let round = 0; round < 3; round++)
      for (const member of last) {
        await member.release();
        ledger.hear(member);
      }
    expect(last.map(({ held }) => held.length)).toEqual(last.map(() => SLOTS / WORKERS));
    expect(new Set(last.flatMap(({ held }) => held.map(({ slot }) => slot))).size).toBe(SLOTS);
    expect(ledger.check()).toBeGreaterThan(SLOTS);
    expect(Math.min(effects, refused)).toBeGreaterThan(0);
    const twice = await opened.database.query(
      'read',
      `SELECT position FROM "${opened.schema}".effects GROUP BY position HAVING count(*) > 1`,
      [],
    );
    expect(twice).toEqual([]);
  }, 60_000);
});
