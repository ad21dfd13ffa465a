import { afterAll, beforeAll, expect, it } from 'vitest';
import { slotOf } from '../../../src/subscriptions/groups/slot-of.js';
import { openTestDatabase, type TestDatabase } from '../../support/test-database.js';

const NAMES = 2000;

let opened: TestDatabase;

beforeAll(async () => {
  opened = await openTestDatabase();
});

afterAll(() => opened.close());

it('the slot of a stream is the same in SQL and here, whatever its names', async () => {
  const points = [
    [0x21, 0x7e],
    [0xa1, 0x7ff],
    [0x800, 0xd7ff],
    [0xe000, 0xfffd],
    [0x10000, 0x10ffff],
  ] as const;
  const name = () =>
    Array.from({ length: 1 + Math.floor(Math.random() * 12) }, () => {
      const [first, last] = points[Math.floor(Math.random() * points.length)] ?? points[0];
      return String.fromCodePoint(first + Math.floor(Math.random() * (last - first + 1)));
    }).join('');
  const names = Array.from({ length: NAMES }, () => ({
    stream: { aggregateType: name(), aggregateId: name() },
    slots: 1 + Math.floor(Math.random() * 1024),
  }));
  const rows = await opened.database.query(
    'read',
    `SELECT "${opened.schema}".slot_of(n.type, n.id, n.slots)
       FROM unnest($1::text[], $2::text[], $3::integer[]) WITH ORDINALITY n (type, id, slots, place) ORDER BY n.place`,
    [
      names.map(({ stream }) => stream.aggregateType),
      names.map(({ stream }) => stream.aggregateId),
      names.map(({ slots }) => slots),
    ],
  );
  expect(rows.map(([slot]) => Number(slot))).toEqual(names.map(({ slots, stream }) => slotOf(stream, slots)));
});
