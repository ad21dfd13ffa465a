import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { DatabaseOptions } from '../../src/postgres/database.js';
import { newSchemaName, openTestDatabase, type TestDatabase } from '../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from './sql-session.js';

let test: TestDatabase;
const roles: string[] = [];
const sessions: SqlSession[] = [];

beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(async () => {
  for (const session of sessions) await session.close();
  await test.close();
  const owner = await openSqlSession('public');
  for (const role of roles) await owner.query(`DROP ROLE ${role}`);
  await owner.close();
});

/** A session of a new role that is a member of others and nothing else. */
async function sessionOf(...members: readonly string[]): Promise<SqlSession> {
  const role = newSchemaName();
  const into = members.length === 0 ? '' : ` IN ROLE ${members.join(', ')}`;
  await test.database.query('append', `CREATE ROLE ${role} LOGIN PASSWORD 'secret'${into}`, []);
  roles.push(role);
  const session = await openSqlSession(test.schema, asRole(inject('connection'), role));
  sessions.push(session);
  return session;
}

function asRole(connection: DatabaseOptions['connection'], role: string): DatabaseOptions['connection'] {
  if (!('connectionString' in connection)) return { ...connection, user: role };
  const url = new URL(connection.connectionString);
  url.username = role;
  url.password = 'secret';
  return { connectionString: url.toString() };
}

const events = [{ event_type: 'Opened', data: {} }];
const count = async () =>
  (await test.database.query('read', `SELECT count(*) FROM "${test.schema}".events`, []))[0]?.[0];

describe('a member of headwater_appender', () => {
  it('may append, and read with headwater_reader', async () => {
    const appender = await sessionOf('headwater_appender');
    await appender.append(['Account', 'a'], 'NO_STREAM', events);
    expect(await refusal(appender.load(['Account', 'a']))).toMatchObject({ code: '42501' });
    const both = await sessionOf('headwater_appender', 'headwater_reader');
    await both.query('BEGIN');
    await both.append(['Account', 'a'], '1', events);
    expect(await both.load(['Account', 'a'])).toHaveLength(2);
    await both.query('COMMIT');
    expect(await both.load(['Account', 'a'])).toHaveLength(2);
  });

  it.each([
    ['reads the log', 'SELECT FROM $schema.events'],
    ['writes the log', 'INSERT INTO $schema.events SELECT FROM generate_series(1, 1)'],
    ['moves the head', 'UPDATE $schema.log_head SET position = 100'],
    ['holds the head', 'SELECT FROM $schema.log_head FOR UPDATE'],
    ['calls the lock', 'SELECT * FROM $schema.lock_head()'],
    [
      'stages by hand',
      'INSERT INTO $schema.staged_appends (transaction, place) VALUES (pg_current_xact_id(), 1)',
    ],
    ['changes what is staged', 'UPDATE $schema.staged_events SET event_type = $$$stream-deleted$$'],
    ['takes back what is staged', 'DELETE FROM $schema.staged_appends'],
    [
      'appends past the checks',
      `SELECT $schema.append(${Array.from({ length: 21 }, () => "'{}'").join(', ')})`,
    ],
    ['turns the triggers off', 'ALTER TABLE $schema.staged_appends DISABLE TRIGGER ALL'],
    ['replaces a function', 'CREATE FUNCTION $schema.mine() RETURNS void LANGUAGE sql AS $$ $$'],
  ])('is refused when it %s', async (_, statement) => {
    const appender = await sessionOf('headwater_appender');
    const before = await count();
    await appender.query('BEGIN');
    await appender.append(['Account', 'hostile'], 'ANY', events);
    expect(await refusal(appender.query(statement))).toMatchObject({ code: '42501' });
    await appender.query('ROLLBACK');
    expect(await count()).toBe(before);
  });

  it('cannot put tables of its own in the place of those of the log', async () => {
    const appender = await sessionOf('headwater_appender');
    await appender.query(
      'CREATE TEMP TABLE streams (aggregate_type text, aggregate_id text, version bigint)',
    );
    await appender.query('CREATE TEMP TABLE staged_appends (place integer)');
    await appender.query('CREATE TEMP TABLE events (position bigint)');
    await appender.query('SET search_path = pg_temp');
    await appender.append(['Account', 'shadowed'], 'NO_STREAM', events);
    expect(await refusal(appender.append(['Account', 'shadowed'], 'NO_STREAM', events))).toMatchObject({
      code: 'ZH001',
    });
  });

  it('is recorded where it appended, whatever role it has taken on by the time of COMMIT', async () => {
    const appender = await sessionOf('headwater_appender');
    await appender.query('BEGIN');
    await appender.append(['Account', 'role'], 'NO_STREAM', events);
    await appender.query('SET LOCAL ROLE headwater_appender');
    await appender.query('COMMIT');
    const reader = await sessionOf('headwater_reader');
    expect(await reader.load(['Account', 'role'])).toHaveLength(1);
  });
});

describe('a role that is no member', () => {
  it('may neither append nor load, nor can a reader append', async () => {
    const stranger = await sessionOf();
    expect(await refusal(stranger.append(['Account', 'a'], 'ANY', events))).toMatchObject({ code: '42501' });
    expect(await refusal(stranger.load(['Account', 'a']))).toMatchObject({ code: '42501' });
    const reader = await sessionOf('headwater_reader');
    expect(await refusal(reader.append(['Account', 'a'], 'ANY', events))).toMatchObject({ code: '42501' });
  });
});
