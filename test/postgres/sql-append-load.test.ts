import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newEvent, to } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { openSqlSession, refusal, type SqlSession } from './sql-session.js';

let test: TestStore;
let mine: SqlSession;
let other: SqlSession;
let account: readonly [string, string];

beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());
beforeEach(async () => {
  account = ['Account', randomUUID()];
  mine = await openSqlSession(test.schema);
  other = await openSqlSession(test.schema);
});
afterEach(async () => {
  await mine.close();
  await other.close();
});

const stream = () => ({ aggregateType: account[0], aggregateId: account[1] });
const events = (...types: string[]) => types.map((event_type) => ({ event_type, data: { is: event_type } }));
const append = (...types: string[]) =>
  test.store.append({ streams: [to(stream(), 'ANY', ...types.map((eventType) => newEvent({ eventType })))] });
const shown = (rows: readonly (string | null)[][]) =>
  rows.map(([version, type, position]) => `${version} ${type}${position === null ? ' pending' : ''}`);
const change = (kind: 'DELETE' | 'RESTORE' | 'ERASE') =>
  test.store.changeStream({ kind, stream: stream(), expectedVersion: 'ANY' });

describe('load in SQL', () => {
  it('shows all of an event', async () => {
    const [[id] = []] = await mine.append(account, 'NO_STREAM', [
      { event_type: 'Opened', data: { a: 1 }, metadata: { actor: 'ada' }, tags: ['x:y'], schema_version: 2 },
    ]);
    const [row] = await mine.query(
      `SELECT l.*, l.position = e.position AND l.recorded_at = e.recorded_at
         FROM $schema.load($1, $2) l JOIN $schema.events e USING (event_id)`,
      account,
    );
    expect(row?.slice(1, 10)).toEqual([
      '1',
      id,
      'Opened',
      '{"a": 1}',
      `\\x${Buffer.from('{"a": 1}').toString('hex')}`,
      'application/json',
      '{"actor": "ada"}',
      '{x:y}',
      '2',
    ]);
    expect(row?.slice(11)).toEqual(['f', 't']);
  });

  it('shows what is committed, and behind it what the transaction has appended, without position', async () => {
    await append('Opened', 'Deposited');
    await mine.query('BEGIN');
    await mine.append(account, '2', events('Withdrawn'));
    await mine.append(account, 'ANY', events('Closed', 'Archived'));
    expect(shown(await mine.load(account, 2))).toEqual([
      '2 Deposited',
      '3 Withdrawn pending',
      '4 Closed pending',
      '5 Archived pending',
    ]);
    expect(shown(await mine.load(account, 4))).toEqual(['4 Closed pending', '5 Archived pending']);
    expect(await mine.load(account, 6)).toEqual([]);
    expect(shown(await other.load(account))).toEqual(['1 Opened', '2 Deposited']);
    await mine.query('COMMIT');
    expect(shown(await other.load(account, 5))).toEqual(['5 Archived']);
  });

  it('shows a stream that is only pending to its own transaction, and to nobody else', async () => {
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', events('Opened'));
    expect(shown(await mine.load(account))).toEqual(['1 Opened pending']);
    expect(await refusal(other.load(account))).toMatchObject({ code: 'ZH005' });
    await mine.query('ROLLBACK');
    expect(await refusal(mine.load(account))).toMatchObject({ code: 'ZH005' });
  });

  it('numbers pending events anew when somebody appends meanwhile', async () => {
    await append('Opened');
    await mine.query('BEGIN');
    await mine.append(account, 'ANY', events('Deposited'));
    expect(shown(await mine.load(account, 2))).toEqual(['2 Deposited pending']);
    await append('Withdrawn');
    expect(shown(await mine.load(account, 2))).toEqual(['2 Withdrawn', '3 Deposited pending']);
    await mine.query('COMMIT');
    expect(shown(await mine.load(account, 2))).toEqual(['2 Withdrawn', '3 Deposited']);
  });

  it('works in a read-only transaction of any isolation level', async () => {
    await append('Opened');
    await mine.query('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY');
    expect(shown(await mine.load(account))).toEqual(['1 Opened']);
  });

  it('refuses a stream that never existed, with its name', async () => {
    expect(await refusal(mine.load(account))).toEqual({
      code: 'ZH005',
      message: `Stream Account ${account[1]} does not exist`,
      detail: { reason: 'STREAM_NOT_FOUND', aggregate_type: 'Account', aggregate_id: account[1] },
      hint: 'Append to it with NO_STREAM or ANY to create it.',
    });
  });

  it.each([
    ["'$x', 'a'", 'aggregate_type: is "$x": names with $ in front are reserved'],
    ["'x', NULL", 'aggregate_id: is missing'],
    ["'x', 'a', 0", 'from_version: is 0, it must be at least 1'],
    ["'x', 'a', NULL", 'from_version: is NULL, it must be at least 1'],
  ])('refuses (%s)', async (call, message) => {
    expect(await refusal(mine.query(`SELECT * FROM $schema.load(${call})`))).toMatchObject({
      code: 'ZH007',
      message,
    });
  });
});

describe('load in SQL of a stream of which not everything is shown', () => {
  it('refuses a deleted one, and shows what it is created anew with', async () => {
    await append('Opened');
    await change('DELETE');
    expect(await refusal(mine.load(account))).toMatchObject({ code: 'ZH006' });
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', events('Reopened'));
    expect(shown(await mine.load(account))).toEqual(['3 Reopened pending']);
    await mine.query('COMMIT');
    expect(shown(await mine.load(account))).toEqual(['3 Reopened']);
  });

  it('begins behind what is truncated', async () => {
    await append('Opened', 'Deposited');
    await test.store.changeStream({
      kind: 'TRUNCATE',
      stream: stream(),
      expectedVersion: 'ANY',
      beforeVersion: 2n,
    });
    expect(shown(await mine.load(account))).toEqual(['2 Deposited', '3 $stream-truncated']);
  });

  it('shows only what a retention keeps', async () => {
    await append('Opened', 'Deposited', 'Withdrawn');
    await test.store.changeStream({
      kind: 'SET_RETENTION',
      stream: stream(),
      expectedVersion: 'ANY',
      retention: { maxCount: 1n },
    });
    expect(shown(await mine.load(account))).toEqual(['3 Withdrawn', '4 $stream-retention-set']);
  });

  it('shows the shell of an erased event', async () => {
    await append('Opened', 'Deposited');
    await test.store.changeStream({
      kind: 'ERASE_EVENTS',
      stream: stream(),
      expectedVersion: 'ANY',
      versions: [{ first: 1n, last: 1n }],
    });
    expect(
      await mine.query(
        'SELECT version, event_type, data, raw, content_type, erased FROM $schema.load($1, $2) LIMIT 2',
        [...account],
      ),
    ).toEqual([
      ['1', 'Opened', null, '\\x', '', 't'],
      ['2', 'Deposited', '{}', '\\x7b7d', 'application/json', 'f'],
    ]);
  });
});
