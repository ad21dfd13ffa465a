import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jsonOf, loaded, newEvent, to } from '../../src/testing/builders.js';
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

const opened = { event_type: 'Opened', data: { owner: 'ada' } };
const deposited = { event_type: 'Deposited', data: { amount: 5 } };
const versions = (rows: readonly (string | null)[][]) => rows.map(([, version]) => version);
const streamOf = ([aggregateType, aggregateId]: readonly [string, string]) => ({
  aggregateType,
  aggregateId,
});
const inLog = (stream = account) =>
  loaded(test.store, { scope: { kind: 'STREAMS', streams: [streamOf(stream)] } });
const typesInLog = async () => (await inLog()).map(({ eventType }) => eventType);
/** Appends as the service does. */
const served = (expected: bigint | 'ANY' | 'NO_STREAM', ...events: Parameters<typeof newEvent>[0][]) =>
  test.store.append({ streams: [to(streamOf(account), expected, ...events.map(newEvent))] });
const change = (kind: 'DELETE' | 'RESTORE') =>
  test.store.changeStream({ kind, stream: streamOf(account), expectedVersion: 'ANY' });

describe('append in SQL', () => {
  it('gives ids and versions at once, and positions and time at COMMIT', async () => {
    await mine.query('BEGIN');
    const rows = await mine.append(account, 'NO_STREAM', [
      { ...opened, metadata: { actor: 'ada' }, tags: ['owner:ada'], schema_version: 3 },
      { event_type: 'Scanned', data_base64: 'AAEC/w==' },
    ]);
    expect(versions(rows)).toEqual(['1', '2']);
    expect(await inLog()).toEqual([]);
    await mine.query('COMMIT');
    const [first, second] = await inLog();
    expect(first).toMatchObject({
      eventId: rows[0]?.[0],
      version: 1n,
      eventType: 'Opened',
      contentType: 'application/json',
      metadata: { actor: 'ada' },
      tags: ['owner:ada'],
      schemaVersion: 3,
    });
    expect(first && jsonOf(first)).toEqual({ owner: 'ada' });
    expect(second).toMatchObject({ version: 2n, contentType: 'application/octet-stream', schemaVersion: 1 });
    expect(Buffer.from(second?.data ?? []).toString('hex')).toBe('000102ff');
    expect(second?.position).toBe((first?.position ?? 0n) + 1n);
  });

  it('makes event ids of version 7', async () => {
    const [[id] = []] = await mine.append(account, 'ANY', [opened]);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(parseInt((id ?? '').replaceAll('-', '').slice(0, 12), 16) - Date.now())).toBeLessThan(
      60_000,
    );
  });

  it('is a transaction of its own where there is none', async () => {
    await mine.append(account, 'NO_STREAM', [opened]);
    expect(await typesInLog()).toEqual(['Opened']);
  });

  it('wakes who follows the log, in every instance', async () => {
    await other.query(`LISTEN "headwater_${test.schema}"`);
    const before = await test.store.head();
    const following = (async () => {
      for await (const { events } of test.store.subscribe({
        start: { kind: 'AFTER', after: { position: before.position, epoch: before.epoch } },
      }))
        for (const event of events) if (event.eventType === 'Opened') return event;
      return undefined;
    })();
    await mine.append(account, 'ANY', [opened]);
    expect(await following).toMatchObject({ stream: streamOf(account) });
  });

  it('leaves nothing behind, neither when it commits nor when it rolls back', async () => {
    await mine.append(account, 'NO_STREAM', [opened]);
    await mine.query('BEGIN');
    await mine.append(account, '1', [deposited]);
    await mine.query('ROLLBACK');
    expect(await typesInLog()).toEqual(['Opened']);
    expect(
      await mine.query(
        'SELECT (SELECT count(*) FROM $schema.staged_appends), (SELECT count(*) FROM $schema.staged_events)',
      ),
    ).toEqual([['0', '0']]);
  });

  it('keeps the order of the calls, over streams', async () => {
    const second = ['Account', randomUUID()] as const;
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [opened]);
    await mine.append(second, 'NO_STREAM', [opened]);
    await mine.append(account, '1', [deposited]);
    await mine.query('COMMIT');
    const [a1, a2] = await inLog();
    const [b1] = await inLog(second);
    expect([a1, b1, a2].map((event) => (event?.position ?? 0n) - (a1?.position ?? 0n))).toEqual([0n, 1n, 2n]);
  });

  it('loses what a savepoint takes back, and only that', async () => {
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [opened]);
    await mine.query('SAVEPOINT s');
    expect(versions(await mine.append(account, '1', [{ event_type: 'Mistaken', data: 1 }]))).toEqual(['2']);
    await mine.query('ROLLBACK TO s');
    expect(versions(await mine.append(account, '1', [deposited]))).toEqual(['2']);
    await mine.query('COMMIT');
    expect(await typesInLog()).toEqual(['Opened', 'Deposited']);
  });

  it('commits with the rows of the caller, or not at all', async () => {
    const table = `"${test.schema}_${account[1]}"`;
    await mine.query(`CREATE TABLE ${table} (id integer PRIMARY KEY)`);
    await mine.query('BEGIN');
    await mine.query(`INSERT INTO ${table} VALUES (1)`);
    await mine.append(account, 'NO_STREAM', [opened]);
    await mine.query('COMMIT');
    await mine.query('BEGIN');
    await mine.query(`INSERT INTO ${table} VALUES (2)`);
    await mine.append(account, '1', [deposited]);
    await other.append(account, '1', [{ event_type: 'Closed', data: {} }]);
    expect(await refusal(mine.query('COMMIT'))).toMatchObject({ code: 'ZH001' });
    expect(await mine.query(`SELECT id FROM ${table}`)).toEqual([['1']]);
    expect(await typesInLog()).toEqual(['Opened', 'Closed']);
    await mine.query(`DROP TABLE ${table}`);
  });

  it('without events only checks, now and at COMMIT', async () => {
    await mine.query('BEGIN');
    expect(await mine.append(account, 'NO_STREAM', [])).toEqual([]);
    await mine.query('COMMIT');
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', []);
    await served('ANY', {});
    expect(await refusal(mine.query('COMMIT'))).toMatchObject({ code: 'ZH001' });
    expect(await inLog()).toHaveLength(1);
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE', 'READ UNCOMMITTED'])('is refused in %s', async (level) => {
    await mine.query(`BEGIN ISOLATION LEVEL ${level}`);
    expect(await refusal(mine.append(account, 'ANY', [opened]))).toMatchObject({
      code: '25001',
      message: `Appends need the isolation level read committed, this transaction has ${level.toLowerCase()}`,
      hint: 'Begin the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.',
    });
  });
});

describe('the version that append in SQL gives', () => {
  it('is known where it is certain, and else null until somebody is certain', async () => {
    await mine.append(account, 'ANY', [opened]);
    await mine.query('BEGIN');
    expect(versions(await mine.append(account, 'ANY', [deposited]))).toEqual([null]);
    expect(versions(await mine.append(account, 'STREAM_EXISTS', [deposited, deposited]))).toEqual([
      null,
      null,
    ]);
    expect(versions(await mine.append(account, '4', [deposited]))).toEqual(['5']);
    expect(versions(await mine.append(account, 'ANY', [deposited]))).toEqual(['6']);
    await mine.query('COMMIT');
    expect(await inLog()).toHaveLength(6);
  });

  it('holds, or COMMIT fails: a stream that came and went has used up versions', async () => {
    await mine.query('BEGIN');
    expect(versions(await mine.append(account, 'NO_STREAM', [opened]))).toEqual(['1']);
    await served('NO_STREAM', {});
    await change('DELETE');
    expect(await refusal(mine.query('COMMIT'))).toMatchObject({
      code: 'ZH001',
      detail: { expected: 'NO_STREAM', actual: '2' },
    });
    await mine.query('BEGIN');
    expect(versions(await mine.append(account, 'NO_STREAM', [opened]))).toEqual(['3']);
    await mine.query('COMMIT');
    expect((await inLog()).at(-1)).toMatchObject({ version: 3n, eventType: 'Opened' });
  });
});

describe('an expected version that does not hold', () => {
  it.each([
    ['NO_STREAM', 'NO_STREAM'],
    ['1', '1'],
    ['3', '3'],
  ])('is refused at once: %s of a stream at version 2', async (expected, told) => {
    await served('ANY', {}, {});
    const [type, id] = account;
    expect(await refusal(mine.append(account, expected, [opened]))).toEqual({
      code: 'ZH001',
      message: `Stream ${type} ${id} is at version 2, expected ${told}`,
      detail: {
        reason: 'WRONG_EXPECTED_VERSION',
        aggregate_type: type,
        aggregate_id: id,
        expected: told,
        actual: '2',
      },
      hint: 'Read the stream and decide again, in a new transaction.',
    });
  });

  it('is refused at once: STREAM_EXISTS of a stream that does not', async () => {
    expect(await refusal(mine.append(account, 'STREAM_EXISTS', [opened]))).toMatchObject({ code: 'ZH001' });
  });

  it('is refused at once for what the transaction itself has appended', async () => {
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [opened]);
    expect(await refusal(mine.append(account, 'NO_STREAM', [opened]))).toMatchObject({
      code: 'ZH001',
      detail: { actual: '1' },
    });
  });

  it('is refused by COMMIT when somebody was faster', async () => {
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [opened]);
    await served('NO_STREAM', {}, {});
    expect(await refusal(mine.query('COMMIT'))).toMatchObject({
      code: 'ZH001',
      detail: { expected: 'NO_STREAM', actual: '2' },
    });
    expect(await inLog()).toHaveLength(2);
  });
});

describe('a deleted stream', () => {
  const gone = { code: 'ZH006', hint: 'Restore it, or append with NO_STREAM to create it anew.' };

  it('refuses appends at once', async () => {
    await served('ANY', {});
    await change('DELETE');
    expect(await refusal(mine.append(account, 'ANY', [opened]))).toMatchObject(gone);
    expect(await refusal(mine.append(account, '2', [opened]))).toMatchObject(gone);
  });

  it('refuses them at COMMIT when it was deleted meanwhile', async () => {
    await served('ANY', {});
    await mine.query('BEGIN');
    await mine.append(account, 'ANY', [opened]);
    await change('DELETE');
    expect(await refusal(mine.query('COMMIT'))).toMatchObject(gone);
  });

  it('is created anew by NO_STREAM, and then takes more in the same transaction', async () => {
    await served('ANY', {});
    await change('DELETE');
    await mine.query('BEGIN');
    expect(versions(await mine.append(account, 'NO_STREAM', [opened]))).toEqual(['3']);
    expect(versions(await mine.append(account, '3', [deposited]))).toEqual(['4']);
    await mine.query('COMMIT');
    expect((await loaded(test.store, { scope: { kind: 'STREAM', stream: streamOf(account) } })).length).toBe(
      2,
    );
  });
});

describe('an event id that is known', () => {
  const event_id = () => randomUUID();

  it('answers the same append as the first time, also one of the service', async () => {
    const [first, second] = [event_id(), event_id()];
    const data = Buffer.from('{"n":1}');
    await served('NO_STREAM', { eventId: first, data }, { eventId: second, data });
    await served('ANY', {});
    const again = [first, second].map((id) => ({
      event_id: id,
      event_type: 'Happened',
      data_base64: data.toString('base64'),
    }));
    expect(await mine.append(account, 'NO_STREAM', again)).toEqual([
      [first, '1', 't'],
      [second, '2', 't'],
    ]);
    expect(await inLog()).toHaveLength(3);
  });

  it('is refused in another append, with its position', async () => {
    const id = event_id();
    await mine.append(account, 'ANY', [{ ...opened, event_id: id }]);
    const [event] = await inLog();
    expect(await refusal(mine.append(account, 'ANY', [{ ...deposited, event_id: id }]))).toMatchObject({
      code: 'ZH003',
      detail: { reason: 'EVENT_ID_REUSED', event_id: id, position: String(event?.position) },
    });
  });

  it('answers the same append within the transaction, and refuses another', async () => {
    const id = event_id();
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [opened, { ...deposited, event_id: id }].slice(1));
    expect(await mine.append(account, 'NO_STREAM', [{ ...deposited, event_id: id }])).toEqual([
      [id, '1', 't'],
    ]);
    await mine.query('SAVEPOINT s');
    expect(
      await refusal(mine.append(account, 'ANY', [{ ...deposited, event_id: id }, opened])),
    ).toMatchObject({ code: 'ZH003', detail: { event_id: id, position: null } });
    await mine.query('ROLLBACK TO s');
    await mine.query('COMMIT');
    expect(await typesInLog()).toEqual(['Deposited']);
  });

  it('that somebody else appends meanwhile is no failure of COMMIT if it is the same append', async () => {
    const event = { ...opened, event_id: event_id() };
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [event]);
    await other.append(account, 'NO_STREAM', [event]);
    await mine.query('COMMIT');
    expect(await typesInLog()).toEqual(['Opened']);
  });

  it('that somebody else appends meanwhile with other data fails COMMIT', async () => {
    const id = event_id();
    await mine.query('BEGIN');
    await mine.append(account, 'ANY', [{ ...opened, event_id: id }]);
    await other.append(account, 'ANY', [{ ...deposited, event_id: id }]);
    expect(await refusal(mine.query('COMMIT'))).toMatchObject({ code: 'ZH003', detail: { event_id: id } });
  });
});

describe('an append condition in SQL', () => {
  const tag = () => `owner:${randomUUID()}`;

  it('is refused at once when an event breaks it, and holds behind that event', async () => {
    const owner = tag();
    await mine.append(account, 'ANY', [{ ...opened, tags: [owner, 'x:y'] }]);
    const position = String((await inLog())[0]?.position);
    const items = [{ event_types: ['Closed'], tags: [owner] }, { tags: ['x:y', owner] }];
    expect(await refusal(mine.append(account, 'ANY', [deposited], { items }))).toMatchObject({
      code: 'ZH002',
      message: `The append condition does not hold: the event at position ${position} matches it`,
      detail: { reason: 'APPEND_CONDITION_FAILED', position },
    });
    await mine.append(account, 'ANY', [deposited], { items, after: { position, epoch: '1' } });
    await mine.append(account, 'ANY', [deposited], { items, after: { position: Number(position) } });
    expect(await typesInLog()).toEqual(['Opened', 'Deposited', 'Deposited']);
  });

  it('is refused by COMMIT when an event has come meanwhile', async () => {
    const owner = tag();
    const elsewhere = ['Account', randomUUID()] as const;
    await mine.query('BEGIN');
    await mine.append(account, 'ANY', [opened], { items: [{ event_types: ['Opened'], tags: [owner] }] });
    await other.append(elsewhere, 'ANY', [{ ...opened, tags: [owner] }]);
    const position = String((await inLog(elsewhere))[0]?.position);
    expect(await refusal(mine.query('COMMIT'))).toMatchObject({ code: 'ZH002', detail: { position } });
    expect(await inLog()).toEqual([]);
  });

  it('is broken by what the transaction itself has appended before', async () => {
    const owner = tag();
    await mine.query('BEGIN');
    await mine.append(account, 'ANY', [{ ...opened, tags: [owner] }]);
    expect(
      await refusal(mine.append(account, 'ANY', [deposited], { items: [{ tags: [owner] }] })),
    ).toMatchObject({
      code: 'ZH002',
      detail: { position: null },
    });
  });

  it('is refused when its position is not of this log', async () => {
    const { position, epoch } = await test.store.head();
    const items = [{ tags: [tag()] }];
    const after = { position: String(position + 1000n) };
    expect(await refusal(mine.append(account, 'ANY', [opened], { items, after }))).toMatchObject({
      code: 'ZH009',
      detail: { position: after.position, head: String(position) },
    });
    expect(
      await refusal(
        mine.append(account, 'ANY', [opened], { items, after: { position: '0', epoch: String(epoch + 1n) } }),
      ),
    ).toMatchObject({ code: 'ZH009' });
  });
});

describe('SET CONSTRAINTS … IMMEDIATE', () => {
  it('places what is pending at once, and all that follows as it comes', async () => {
    await mine.query('BEGIN');
    await mine.append(account, 'NO_STREAM', [opened]);
    await mine.query('SET CONSTRAINTS ALL IMMEDIATE');
    expect(versions(await mine.append(account, '1', [deposited]))).toEqual(['2']);
    const rows = await mine.load(account);
    expect(rows.map(([version, type, position]) => [version, type, position !== null])).toEqual([
      ['1', 'Opened', true],
      ['2', 'Deposited', true],
    ]);
    await mine.query('COMMIT');
    expect(await typesInLog()).toEqual(['Opened', 'Deposited']);
  });
});
