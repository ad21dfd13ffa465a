import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { openSqlSession, refusal, type SqlSession } from './sql-session.js';

let postgres: CrashablePostgres;
beforeAll(async () => {
  postgres = await startCrashablePostgres({ max_prepared_transactions: '4' });
});
afterAll(() => postgres.close());

const events = [{ event_type: 'Opened', data: {} }];

/** With a log of its own; for a role that may not make roles if one is given. */
async function withSession(schema: string, work: (session: SqlSession) => Promise<void>, user?: string) {
  const connection = { ...postgres.connection, ...(user === undefined ? {} : { user }) };
  const database = new Database({ connection });
  const report = await migrate(database, schema);
  await database.close();
  expect(report.roles).toBe(user === undefined);
  const session = await openSqlSession(schema, connection);
  try {
    await work(session);
  } finally {
    await session.close();
  }
}

describe('where roles cannot be made', () => {
  it('the role that migrated appends and loads, and nobody else', async () => {
    const admin = await openSqlSession('public', postgres.connection);
    await admin.query('CREATE ROLE team LOGIN');
    await admin.query('CREATE ROLE stranger LOGIN');
    await admin.query(`GRANT CREATE ON DATABASE "${postgres.connection.database}" TO team`);
    await admin.close();
    await withSession(
      'of_team',
      async (session) => {
        await session.query('GRANT USAGE ON SCHEMA $schema TO stranger');
        await session.query('BEGIN');
        await session.append(['Account', 'a'], 'NO_STREAM', events);
        expect(await session.load(['Account', 'a'])).toEqual([['1', 'Opened', null]]);
        await session.query('COMMIT');
        expect(await session.load(['Account', 'a'])).toEqual([['1', 'Opened', '1']]);
        const stranger = await openSqlSession('of_team', { ...postgres.connection, user: 'stranger' });
        expect(await refusal(stranger.append(['Account', 'a'], 'ANY', events))).toMatchObject({
          code: '42501',
        });
        expect(await refusal(stranger.load(['Account', 'a']))).toMatchObject({ code: '42501' });
        await stranger.close();
      },
      'team',
    );
  });
});

describe('PREPARE TRANSACTION', () => {
  it('is refused once the transaction has appended, and undoes it: it would keep the lock of the log', async () => {
    await withSession('prepared', async (session) => {
      await session.query('BEGIN');
      await session.append(['Account', 'a'], 'NO_STREAM', events);
      expect(await refusal(session.query("PREPARE TRANSACTION 'p'"))).toMatchObject({ code: '0A000' });
      await session.query('ROLLBACK');
      expect(await session.query('SELECT gid FROM pg_prepared_xacts')).toEqual([]);
      expect(await session.query('SELECT count(*) FROM $schema.events')).toEqual([['0']]);
    });
  });

  it('is allowed again when a savepoint has taken the append back', async () => {
    await withSession('prepared', async (session) => {
      await session.query('BEGIN');
      await session.query('SAVEPOINT s');
      await session.append(['Account', 'a'], 'NO_STREAM', events);
      await session.query('ROLLBACK TO s');
      await session.query("PREPARE TRANSACTION 'p'");
      await session.query("COMMIT PREPARED 'p'");
      expect(await session.query('SELECT count(*) FROM $schema.events')).toEqual([['0']]);
    });
  });
});

describe('a Postgres that is killed while transactions with appends commit', () => {
  it('has all of a transaction or nothing of it, and nothing staged', async () => {
    await withSession('killed', async (session) => {
      await session.query('CREATE TABLE $schema.theirs (id text)');
    });
    const committed: string[] = [];
    for (const round of [0, 1, 2]) {
      const open = await Promise.all(
        Array.from({ length: 12 }, () => openSqlSession('killed', postgres.connection)),
      );
      const commits = open.map(async (session, index) => {
        const id = `${round}-${index}`;
        await session.query('BEGIN');
        await session.query('INSERT INTO $schema.theirs VALUES ($1)', [id]);
        await session.append(['Account', id], 'NO_STREAM', [...events, ...events]);
        await session.query('COMMIT');
        committed.push(id);
      });
      const ended = Promise.allSettled(commits);
      // In the midst of them.
      await Promise.any(commits);
      await postgres.kill();
      await ended;
      await postgres.restart();
    }
    const session = await openSqlSession('killed', postgres.connection);
    const theirs = await session.query('SELECT id FROM $schema.theirs ORDER BY id');
    expect(
      await session.query(
        'SELECT aggregate_id FROM $schema.events GROUP BY aggregate_id HAVING count(*) = 2 ORDER BY aggregate_id',
      ),
    ).toEqual(theirs);
    expect(theirs.map(([id]) => id)).toEqual(expect.arrayContaining(committed));
    const all = String(2 * theirs.length);
    expect(
      await session.query(
        `SELECT (SELECT count(*) FROM $schema.events), (SELECT max(position) FROM $schema.events),
                (SELECT position FROM $schema.log_head), (SELECT count(*) FROM $schema.staged_appends),
                (SELECT count(*) FROM $schema.staged_events)`,
      ),
    ).toEqual([[all, all, all, '0', '0']]);
    await session.close();
  });
});
