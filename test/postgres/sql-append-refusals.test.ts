import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONDITION_ITEMS, CONDITION_NAMES, DEFAULT_LIMITS, NAME_BYTES } from '../../src/core/limits.js';
import { nameProblem, typeNameProblem } from '../../src/core/validate.js';
import { openTestDatabase, type TestDatabase } from '../support/test-database.js';
import { openSqlSession, refusal, type SqlEvent, type SqlSession } from './sql-session.js';

let test: TestDatabase;
let session: SqlSession;
beforeAll(async () => {
  test = await openTestDatabase();
  session = await openSqlSession(test.schema);
});
afterAll(async () => {
  await session.close();
  await test.close();
});

const event = (fields: object = {}): SqlEvent => ({ event_type: 'Happened', data: {}, ...fields });
const bytes = (count: number) => Buffer.alloc(count).toString('base64');

/** A call of `append` that is right but for what is given. */
function append(call: {
  readonly type?: string | null;
  readonly id?: string | null;
  readonly expected?: string | null;
  readonly events?: unknown;
  readonly condition?: unknown;
}) {
  const { type = 'Thing', id = 'a', expected = 'ANY', events = [event()], condition } = call;
  return session.query('SELECT * FROM $schema.append($1, $2, $3, $4, $5)', [
    type,
    id,
    expected,
    events === null ? null : JSON.stringify(events),
    condition === undefined ? null : JSON.stringify(condition),
  ]);
}

const condition = (items: unknown, more: object = {}) => ({ condition: { items, ...more } });
const { eventDataBytes, eventMetadataBytes, eventTags, appendEvents, appendBytes } = DEFAULT_LIMITS;

describe('append in SQL refuses', () => {
  it.each<[string, Parameters<typeof append>[0], string]>([
    ['no type', { type: null }, 'aggregate_type: is missing'],
    ['an empty type', { type: '' }, 'aggregate_type: must not be empty'],
    [
      'a reserved type',
      { type: '$Thing' },
      'aggregate_type: is "$Thing": names with $ in front are reserved',
    ],
    ['no id', { id: null }, 'aggregate_id: is missing'],
    [
      'an id that is too long',
      { id: 'é'.repeat(128) },
      `aggregate_id: is "${'é'.repeat(60)}"…, 256 bytes long, the limit is ${NAME_BYTES}`,
    ],
    [
      'a control character',
      { id: 'a\u0085b' },
      'aggregate_id: is "a\u0085b" and holds the control character U+0085',
    ],
    [
      'no expected version',
      { expected: null },
      'expected_version: is NULL, it must be a version of at least 1, NO_STREAM, STREAM_EXISTS or ANY',
    ],
    ['version 0', { expected: '0' }, 'expected_version: is "0", it must be'],
    ['a version that is none', { expected: '1.5' }, 'expected_version: is "1.5", it must be'],
    ['a lower-case word', { expected: 'any' }, 'expected_version: is "any", it must be'],
    [
      'a version too large',
      { expected: '9223372036854775808' },
      'expected_version: is "9223372036854775808", it must be',
    ],
    ['no events', { events: null }, 'events: is NULL, it must be an array of objects'],
    [
      'an object for events',
      { events: event() },
      'events: is {"data": {}, "event_type": "Happened"}, it must',
    ],
    ['a number for an event', { events: [event(), 7] }, 'events[1]: is 7, it must be an object'],
    [
      'too many events',
      { events: Array.from({ length: appendEvents + 1 }, () => event()) },
      `events: has ${appendEvents + 1} events, the limit of one append is ${appendEvents}`,
    ],
    [
      'an unknown key',
      { events: [event({ metdata: {} })] },
      'events[0]: has the unknown key "metdata"; known are event_id, event_type, data, data_base64, content_type,',
    ],
    ['no event type', { events: [{ data: {} }] }, 'events[0].event_type: is missing'],
    [
      'a number for an event type',
      { events: [event({ event_type: 5 })] },
      'events[0].event_type: is 5, it must be a string',
    ],
    [
      'a reserved event type',
      { events: [event({ event_type: '$stream-deleted' })] },
      'events[0].event_type: is "$stream-deleted": names with $ in front are reserved',
    ],
    [
      'an event id that is none',
      { events: [event({ event_id: 'seven' })] },
      'events[0].event_id: is "seven", which is not a UUID',
    ],
    [
      'an event id twice',
      {
        events: [
          event({ event_id: '01a1fd01-6d88-7dc8-918f-91293cb8d7e0' }),
          event({ event_id: '01A1FD01-6D88-7DC8-918F-91293CB8D7E0' }),
        ],
      },
      'events: has the event_id 01a1fd01-6d88-7dc8-918f-91293cb8d7e0 twice',
    ],
    ['no data', { events: [{ event_type: 'A' }] }, 'events[0]: must have either data or data_base64'],
    [
      'data twice',
      { events: [event({ data_base64: '' })] },
      'events[0]: must have either data or data_base64',
    ],
    [
      'what is no base64',
      { events: [{ event_type: 'A', data_base64: 'A_==' }] },
      'events[0].data_base64: is "A_==", which is not base64',
    ],
    [
      'a mebibyte and a byte',
      { events: [event(), { event_type: 'A', data_base64: bytes(eventDataBytes + 1) }] },
      `events[1].data: is ${eventDataBytes + 1} bytes long, the limit is ${eventDataBytes}`,
    ],
    [
      'four mebibytes and more in all',
      { events: Array.from({ length: 4 }, () => ({ event_type: 'A', data_base64: bytes(eventDataBytes) })) },
      `events: is ${appendBytes + 4} bytes in all, the limit of one append is ${appendBytes}`,
    ],
    [
      'an empty content type',
      { events: [event({ content_type: '' })] },
      'events[0].content_type: must not be empty',
    ],
    [
      'an array for metadata',
      { events: [event({ metadata: [] })] },
      'events[0].metadata: is [], it must be an object',
    ],
    [
      'a number in metadata',
      { events: [event({ metadata: { tries: 3 } })] },
      'events[0].metadata["tries"]: is 3, it must be a string; write numbers and booleans as text',
    ],
    [
      'an empty key in metadata',
      { events: [event({ metadata: { '': 'x' } })] },
      'events[0].metadata[""]: the key must not be empty',
    ],
    [
      'too much metadata',
      { events: [event({ metadata: { key: 'x'.repeat(eventMetadataBytes - 2) } })] },
      `events[0].metadata: is ${eventMetadataBytes + 1} bytes long, the limit is ${eventMetadataBytes}`,
    ],
    [
      'a text for tags',
      { events: [event({ tags: 'a:b' })] },
      'events[0].tags: is "a:b", it must be an array of strings',
    ],
    [
      'a number among the tags',
      { events: [event({ tags: ['a:b', 1] })] },
      'events[0].tags[1]: is 1, it must be a string',
    ],
    ['an empty tag', { events: [event({ tags: [''] })] }, 'events[0].tags[0]: must not be empty'],
    [
      'a tag twice',
      { events: [event({ tags: ['a', 'a'] })] },
      'events[0].tags: is ["a", "a"], which has a tag twice',
    ],
    [
      'too many tags',
      { events: [event({ tags: Array.from({ length: eventTags + 1 }, (_, index) => `t:${index}`) })] },
      `events[0].tags: has ${eventTags + 1} tags, the limit is ${eventTags}`,
    ],
    [
      'schema version 0',
      { events: [event({ schema_version: 0 })] },
      'events[0].schema_version: is 0, it must be a number from 1 to 2147483647',
    ],
    [
      'a schema version too large',
      { events: [event({ schema_version: 2 ** 31 })] },
      'events[0].schema_version: is 2147483648, it must be',
    ],
    [
      'a text for a schema version',
      { events: [event({ schema_version: '2' })] },
      'events[0].schema_version: is "2", it must be',
    ],
    ['a text for a condition', { condition: 'none' }, 'condition: is "none", it must be an object'],
    [
      'an unknown key of a condition',
      condition([{}], { position: 1 }),
      'condition: has the unknown key "position"; known are items, after',
    ],
    ['a condition without items', condition([]), 'condition.items: has 0 items, it must have from 1 to'],
    [
      'items that are none',
      condition({ tags: [] }),
      'condition.items: is {"tags": []}, it must be an array of objects',
    ],
    [
      'too many items',
      condition(Array.from({ length: CONDITION_ITEMS + 1 }, () => ({}))),
      `condition.items: has ${CONDITION_ITEMS + 1} items, it must have from 1 to ${CONDITION_ITEMS}`,
    ],
    [
      'too many names in items',
      condition([{ tags: Array.from({ length: CONDITION_NAMES + 1 }, (_, index) => `t:${index}`) }]),
      `condition.items: has ${CONDITION_NAMES + 1} event types and tags in all, the limit is ${CONDITION_NAMES}`,
    ],
    [
      'an unknown key of an item',
      condition([{ types: ['A'] }]),
      'condition.items[0]: has the unknown key "types"; known are event_types, tags',
    ],
    [
      'an empty tag of an item',
      condition([{}, { tags: [''] }]),
      'condition.items[1].tags[0]: must not be empty',
    ],
    [
      'a position below 0',
      condition([{}], { after: { position: -1 } }),
      'condition.after.position: is -1, it must be from 0 to 9223372036854775807',
    ],
    [
      'an epoch that is none',
      condition([{}], { after: { position: '1', epoch: 'x' } }),
      'condition.after.epoch: is x, it must be from 0 to 9223372036854775807',
    ],
  ])('%s', async (_, call, message) => {
    const refused = await refusal(append(call));
    expect(refused).toMatchObject({ code: 'ZH007', detail: { reason: 'INVALID_REQUEST' } });
    expect(refused.message).toContain(message);
    const { field, description } = refused.detail;
    expect(refused.message).toBe(`${String(field)}: ${String(description)}`);
    expect(await session.query('SELECT count(*) FROM $schema.events')).toEqual([['0']]);
  });

  it('a NUL in any text, by Postgres itself', async () => {
    expect(await refusal(append({ events: [event({ data: 'a\u0000b' })] }))).toMatchObject({ code: '22P05' });
  });
});

describe('the limits of append in SQL', () => {
  it('are reached without a refusal', async () => {
    await session.query('BEGIN');
    const full = Array.from({ length: appendEvents }, () => event());
    expect(await append({ events: full })).toHaveLength(appendEvents);
    await append({
      id: 'é'.repeat(127),
      events: [
        event({
          metadata: { key: 'x'.repeat(eventMetadataBytes - 3) },
          tags: Array.from({ length: eventTags }, (_, index) => `t:${index}`),
          schema_version: 2 ** 31 - 1,
        }),
        { event_type: 'A', data_base64: bytes(eventDataBytes) },
      ],
    });
    expect(await refusal(append({ expected: '9223372036854775807' }))).toMatchObject({ code: 'ZH001' });
    await session.query('ROLLBACK');
  });

  it('are those of the service for every character that a name may or may not hold', async () => {
    const names = Array.from({ length: 0x250 }, (_, code) => `a${String.fromCodePoint(code + 1)}`);
    names.push(
      '',
      '$a',
      'a$',
      'x'.repeat(255),
      'x'.repeat(256),
      '€'.repeat(85),
      '€'.repeat(86),
      '😀',
      '\u2028',
    );
    const rows = await session.query(
      `SELECT $schema.staged_name_problem(n) IS NULL, $schema.staged_name_problem(n, true) IS NULL
         FROM unnest($1::text[]) WITH ORDINALITY u (n, place) ORDER BY place`,
      [names],
    );
    names.forEach((name, index) => {
      const want = [nameProblem(name), typeNameProblem(name)].map((problem) =>
        problem === undefined ? 't' : 'f',
      );
      expect([name, rows[index]]).toEqual([name, want]);
    });
  });
});

describe('what append in SQL takes as data', () => {
  it('can be any JSON, or bytes as encode() writes them', async () => {
    const data = [null, 0, 'text', [1, { a: 'ä' }], { n: '1e400' }];
    await append({ id: 'json', events: data.map((one) => ({ event_type: 'A', data: one })) });
    const wide = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await session.query(
      `SELECT $schema.append('Thing', 'bytes', 'NO_STREAM', jsonb_build_array(jsonb_build_object(
         'event_type', 'A', 'data_base64', encode($1, 'base64'), 'content_type', 'image/png')))`,
      [wide],
    );
    const json = await session.query(`SELECT data FROM $schema.load('Thing', 'json')`);
    expect(json.map(([text]) => JSON.parse(text ?? '') as unknown)).toEqual(data);
    expect(await session.query(`SELECT data, raw, content_type FROM $schema.load('Thing', 'bytes')`)).toEqual(
      [[null, `\\x${wide.toString('hex')}`, 'image/png']],
    );
  });

  it('keeps numbers that JavaScript would round', async () => {
    await session.query(
      `SELECT $schema.append('Thing', 'big', 'NO_STREAM', '[{"event_type": "A", "data": 12345678901234567890.10}]')`,
    );
    expect(await session.query(`SELECT convert_from(raw, 'UTF8') FROM $schema.load('Thing', 'big')`)).toEqual(
      [['12345678901234567890.10']],
    );
  });
});
