import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendTo, loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from './sql-session.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const events = [{ event_type: 'Slow', data: {} }];

async function whileOpen(expected: string, work: (session: SqlSession, id: string) => Promise<void>) {
  const id = randomUUID();
  const session = await openSqlSession(test.schema);
  try {
    await test.store.append(appendTo(thing(id), newEvent()));
    await session.query('BEGIN');
    await session.append(['Thing', id], expected, events);
    await work(session, id);
  } finally {
    await session.close();
  }
}

/** What everybody else does meanwhile, to the same stream and to others. */
async function othersGoOn(id: string) {
  const before = await test.store.head();
  const seen: string[] = [];
  const following = (async () => {
    for await (const { events: some } of test.store.subscribe({
      start: { kind: 'AFTER', after: { position: before.position, epoch: before.epoch } },
    })) {
      for (const event of some)
        seen.push(`${event.stream.aggregateId === id ? 'same' : 'other'} ${event.version}`);
      if (seen.length >= 2) return;
    }
  })();
  await test.store.append(appendTo(thing(id), newEvent()));
  await test.store.append({ streams: [to(thing(randomUUID()), 'NO_STREAM', newEvent())] });
  await following;
  expect(seen).toEqual(['same 2', 'other 1']);
  expect(await loaded(test.store, { scope: { kind: 'STREAM', stream: thing(id) } })).toHaveLength(2);
  const another = await openSqlSession(test.schema);
  await another.append(['Thing', id], '2', [{ event_type: 'Quick', data: {} }]);
  await another.close();
}

describe('a transaction that stays open with an append', () => {
  it('holds up nobody, on the same stream neither, and commits behind them', async () => {
    await whileOpen('ANY', async (session, id) => {
      await othersGoOn(id);
      await session.query('COMMIT');
      const all = await loaded(test.store, { scope: { kind: 'STREAM', stream: thing(id) } });
      expect(all.map(({ eventType }) => eventType)).toEqual(['Happened', 'Happened', 'Quick', 'Slow']);
    });
  });

  it('holds up nobody, and fails at COMMIT if what it expected has changed', async () => {
    await whileOpen('1', async (session, id) => {
      await othersGoOn(id);
      expect(await refusal(session.query('COMMIT'))).toMatchObject({
        code: 'ZH001',
        detail: { expected: '1', actual: '3' },
      });
    });
  });

  it('holds no lock but such as nobody waits for', async () => {
    await whileOpen('ANY', async (session) => {
      const locks = await session.query(
        `SELECT relation::regclass, mode FROM pg_locks
          WHERE pid = pg_backend_pid() AND locktype IN ('relation', 'tuple') AND relation::regclass::text LIKE '%' || $1 || '%'
            AND mode NOT IN ('AccessShareLock', 'RowExclusiveLock', 'RowShareLock')`,
        [test.schema],
      );
      expect(locks).toEqual([]);
      const other = await openSqlSession(test.schema);
      expect(await other.query('SELECT FROM $schema.log_head FOR UPDATE NOWAIT')).toHaveLength(1);
      await other.close();
    });
  });
});
