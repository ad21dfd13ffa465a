import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const event = (data: string) => ({ eventType: 'Happened', data: Buffer.from(data) });
const toStream = (aggregateId: string, ...data: string[]) => ({
  streams: [
    {
      stream: { aggregateType: 'Thing', aggregateId },
      expectedVersion: 'ANY' as const,
      events: data.map(event),
    },
  ],
});

async function rows(text: string, values: unknown[] = []) {
  return test.database.query('read', text.replaceAll('$schema', `"${test.schema}"`), values);
}

describe('append from several instances at once', () => {
  it('keeps positions dense and in commit order, versions without gap, and times from running backwards', async () => {
    const other = storeOn(test);
    await other.start();
    const [[before] = []] = await rows('SELECT position FROM $schema.log_head');
    await Promise.all(
      Array.from({ length: 400 }, (_, index) =>
        (index % 2 ? test.store : other).append(toStream(`shared-${index % 7}`, `${index}`, `${index}b`)),
      ),
    );
    await other.stop();
    const [[head, max, count, gaps, backwards] = []] = await rows(`
      SELECT (SELECT position FROM $schema.log_head), max(position), count(*),
             (SELECT count(*) FROM (SELECT version - lag(version, 1, 0::bigint) OVER
                (PARTITION BY aggregate_type, aggregate_id ORDER BY position) AS step FROM $schema.events) s WHERE step <> 1),
             (SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back
                FROM $schema.events) t WHERE back)
        FROM $schema.events`);
    expect(Number(head)).toBe(Number(before) + 800);
    expect(max).toBe(head);
    expect(count).toBe(head);
    expect(gaps).toBe('0');
    expect(backwards).toBe('0');
  });

  it('lets exactly one of many win an exact expected version', async () => {
    const other = storeOn(test);
    await other.start();
    const stream = { aggregateType: 'Thing', aggregateId: 'contended' };
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 ? test.store : other).append({
          onConflict: 'RETURN',
          streams: [{ stream, expectedVersion: 'NO_STREAM', events: [event(`${index}`)] }],
        }),
      ),
    );
    await other.stop();
    expect(outcomes.filter(({ outcome }) => outcome === 'APPENDED')).toHaveLength(1);
  });
});

describe('append when the isolation level is not read committed', () => {
  it('is refused by the function itself', async () => {
    const refused = test.database.withSession(async (session) => {
      await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const empty = Array.from({ length: 21 }, () => `'{}'`).join(', ');
      await session.query(`SELECT * FROM "${test.schema}".append(${empty})`);
    });
    await expect(refused).rejects.toThrow('read committed');
  });
});

describe('events in the database', () => {
  it.each([
    ['UPDATE $schema.events SET data = data', 'UPDATE on events'],
    ['DELETE FROM $schema.events', 'DELETE on events'],
    ['TRUNCATE $schema.events', 'TRUNCATE on events'],
    ['UPDATE $schema.event_tags SET tag = tag', 'UPDATE on event_tags'],
    ['DELETE FROM $schema.event_tags', 'DELETE on event_tags'],
    ['TRUNCATE $schema.event_tags', 'TRUNCATE on event_tags'],
  ])('refuse %s', async (statement, message) => {
    await test.store.append({
      streams: [
        {
          stream: { aggregateType: 'Thing', aggregateId: 'kept' },
          expectedVersion: 'ANY',
          events: [{ ...event('x'), tags: ['kept:1'] }],
        },
      ],
    });
    const before = await rows('SELECT count(*), sum(octet_length(data)) FROM $schema.events');
    await expect(rows(statement)).rejects.toThrow(message);
    expect(await rows('SELECT count(*), sum(octet_length(data)) FROM $schema.events')).toEqual(before);
  });

  it('cannot be changed, deleted or copied over by the role as which appends run', async () => {
    const [[owner] = []] = await rows(
      `SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'append' AND pronamespace = $1::regnamespace`,
      [test.schema],
    );
    expect(owner).toBe('headwater_writer');
    for (const privilege of ['UPDATE', 'DELETE', 'TRUNCATE'])
      expect(
        await rows(`SELECT has_table_privilege('headwater_writer', $1, $2)`, [
          `${test.schema}.events`,
          privilege,
        ]),
      ).toEqual([['f']]);
  });

  it('can be read as JSON where they are JSON', async () => {
    await test.store.append({
      streams: [
        {
          stream: { aggregateType: 'Json', aggregateId: '1' },
          expectedVersion: 'ANY',
          events: [
            { eventType: 'A', data: Buffer.from('{"amount": 5}'), contentType: 'application/json' },
            { eventType: 'B', data: Buffer.from('{"amount": '), contentType: 'application/json' },
            { eventType: 'C', data: Buffer.from([0, 255]), contentType: 'application/octet-stream' },
            {
              eventType: 'D',
              data: Buffer.from('"\\u0000"'),
              contentType: 'application/vnd.x+json; charset=utf-8',
            },
          ],
        },
      ],
    });
    expect(
      await rows(
        `SELECT event_type, data->>'amount' FROM $schema.events_json WHERE aggregate_type = 'Json' ORDER BY 1`,
      ),
    ).toEqual([
      ['A', '5'],
      ['B', null],
      ['C', null],
      ['D', null],
    ]);
  });
});
