import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendTo, newEvent, seededRandom, thing } from '../../src/testing/builders.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from './sql-session.js';

let test: TestStore;
const sessions: SqlSession[] = [];
const open = async () => {
  const session = await openSqlSession(test.schema);
  sessions.push(session);
  return session;
};
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(async () => {
  for (const session of sessions) await session.close();
  await test.close();
});

const events = [{ event_type: 'Happened', data: {} }];

/** What is wrong with the log as a whole: counts that must all be 0. */
async function faults(session: SqlSession) {
  const [row] = await session.query(`
    SELECT (SELECT position FROM $schema.log_head) - count(*), max(position) - count(*),
           (SELECT count(*) FROM (SELECT version - lag(version, 1, 0::bigint) OVER
              (PARTITION BY aggregate_type, aggregate_id ORDER BY position) AS step FROM $schema.events) s WHERE step <> 1),
           (SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back
              FROM $schema.events) t WHERE back),
           (SELECT count(*) FROM $schema.streams s WHERE s.version <>
              (SELECT max(e.version) FROM $schema.events e
                WHERE (e.aggregate_type, e.aggregate_id) = (s.aggregate_type, s.aggregate_id))),
           (SELECT count(*) FROM $schema.staged_appends) + (SELECT count(*) FROM $schema.staged_events)
      FROM $schema.events`);
  return row;
}

describe('many transactions with appends, beside appends of two instances of the service', () => {
  it('leave positions dense and versions without gap, tell right versions, and miss no follower', async () => {
    const other = storeOn(test);
    await other.start();
    const followed: bigint[] = [];
    const left = new AbortController();
    const following = (async () => {
      for await (const { events: some } of other.subscribe(
        { start: { kind: 'BEGINNING' } },
        { signal: left.signal },
      ))
        for (const { position } of some) followed.push(position);
    })();
    const refused: (string | undefined)[] = [];
    let told = 0;
    const teams = Array.from({ length: 6 }, async (_, team) => {
      const random = seededRandom(team);
      const session = await open();
      for (let turn = 0; turn < 25; turn += 1) {
        await session.query('BEGIN');
        try {
          const promised: (readonly [id: string, version: string])[] = [];
          for (let step = 0; step < 1 + random() * 3; step += 1) {
            const stream = ['Shared', String(Math.floor(random() * 5))] as const;
            const [[version] = []] = await session
              .query('SELECT max(version) FROM $schema.load($1, $2) WHERE random() < 2', stream)
              .catch(() => [[null]]);
            const exact = random() < 0.3 && typeof version === 'string';
            for (const [id, one] of await session.append(stream, exact ? version : 'ANY', [
              ...events,
              ...events,
            ]))
              if (id != null && one != null) promised.push([id, one]);
          }
          await session.query('COMMIT');
          for (const [id, version] of promised) {
            told += 1;
            expect(
              await session.query('SELECT version FROM $schema.events WHERE event_id = $1', [id]),
            ).toEqual([[version]]);
          }
        } catch (error) {
          refused.push((error as { code?: string }).code);
          await session.query('ROLLBACK');
        }
      }
    });
    const served = Array.from({ length: 300 }, (_, index) =>
      (index % 2 ? test.store : other).append(appendTo(thing(String(index % 5), 'Shared'), newEvent())),
    );
    await Promise.all([...teams, ...served]);
    const check = await open();
    expect(await faults(check)).toEqual(['0', '0', '0', '0', '0', '0']);
    // Nothing but lost races, and no deadlock (40P01).
    expect([...new Set(refused)].filter((code) => code !== 'ZH001' && code !== '25P02')).toEqual([]);
    expect(told).toBeGreaterThan(0);
    const [[head] = []] = await check.query('SELECT position FROM $schema.log_head');
    while (followed.length < Number(head)) await sleep(10);
    left.abort();
    await following.catch(() => undefined);
    expect(followed).toEqual(Array.from({ length: Number(head) }, (_, index) => BigInt(index + 1)));
    await other.stop();
  });
});

describe('the lock of the log', () => {
  it('is taken after what the transaction itself has deferred, so that no foreign key can deadlock with it', async () => {
    const [first, second] = [await open(), await open()];
    await first.query('CREATE TABLE $schema.parents (id integer PRIMARY KEY, name text)');
    await first.query(
      'CREATE TABLE $schema.children (parent integer REFERENCES $schema.parents DEFERRABLE INITIALLY DEFERRED)',
    );
    await first.query('INSERT INTO $schema.parents VALUES (1)');
    await first.query('BEGIN');
    await first.query('SELECT FROM $schema.parents FOR UPDATE');
    await first.append(['Parent', '1'], 'ANY', events);
    await second.query('BEGIN');
    await second.append(['Child', '1'], 'ANY', events);
    await second.query('INSERT INTO $schema.children VALUES (1)');
    const waiting = second.query('COMMIT');
    await sleep(100);
    await first.query('COMMIT');
    await waiting;
    expect(await second.load(['Child', '1'])).toHaveLength(1);
  });

  it('is free again when a COMMIT that waits for it is killed, and nothing of that is left', async () => {
    const [holder, victim, killer] = [await open(), await openSqlSession(test.schema), await open()];
    await holder.query('BEGIN');
    await holder.query('SELECT * FROM $schema.lock_head()');
    await victim.query('CREATE TABLE $schema.of_victim (id integer)');
    await victim.query('BEGIN');
    await victim.query('INSERT INTO $schema.of_victim VALUES (1)');
    await victim.append(['Killed', '1'], 'NO_STREAM', events);
    const commit = refusal(victim.query('COMMIT')).catch((error: Error) => ({ code: error.message }));
    await sleep(100);
    await killer.query('SELECT pg_terminate_backend($1)', [victim.pid]);
    expect((await commit).code).toMatch(/57P01|terminated/);
    await holder.query('ROLLBACK');
    expect(await killer.query('SELECT FROM $schema.of_victim')).toEqual([]);
    expect(await refusal(killer.load(['Killed', '1']))).toMatchObject({ code: 'ZH005' });
    await test.store.append(appendTo(thing('1', 'Killed'), newEvent()));
    expect(await faults(killer)).toEqual(['0', '0', '0', '0', '0', '0']);
  });
});

describe('a backend that is killed some time around its COMMIT', () => {
  it('has committed rows and events, or neither', async () => {
    const killer = await open();
    await killer.query('CREATE TABLE $schema.rows (id text)');
    const random = seededRandom(7);
    for (let round = 0; round < 25; round += 1) {
      const victim = await openSqlSession(test.schema);
      await victim.query('BEGIN');
      await victim.query('INSERT INTO $schema.rows VALUES ($1)', [String(round)]);
      await victim.append(['Around', String(round)], 'NO_STREAM', [...events, ...events]);
      const commit = victim.query('COMMIT').then(
        () => 'committed',
        () => 'unknown',
      );
      await sleep(random() * 3);
      await killer.query('SELECT pg_terminate_backend($1)', [victim.pid]);
      const outcome = await commit;
      await victim.close().catch(() => undefined);
      // It may still be on its way out.
      await killer.query(
        'DO $do$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = ' +
          `${victim.pid}) LOOP PERFORM pg_sleep(0.002), pg_stat_clear_snapshot(); END LOOP; END $do$`,
      );
      const [[rows, inLog] = []] = await killer.query(
        `SELECT (SELECT count(*) FROM $schema.rows WHERE id = $1),
                (SELECT count(*) FROM $schema.events WHERE aggregate_type = 'Around' AND aggregate_id = $1)`,
        [String(round)],
      );
      expect([rows, inLog]).toEqual(rows === '1' ? ['1', '2'] : ['0', '0']);
      if (outcome === 'committed') expect(rows).toBe('1');
    }
    expect(await faults(killer)).toEqual(['0', '0', '0', '0', '0', '0']);
  });
});
