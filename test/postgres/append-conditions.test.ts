import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppendCondition, ConditionItem } from '../../src/core/append.js';
import { matchesCondition } from '../../src/core/append-condition.js';
import type { Event } from '../../src/core/event.js';
import { arrayLiteral } from '../../src/postgres/prepared-append.js';
import { loaded, newEvent, seededRandom, thing, to } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const TYPES = ['A', 'B', 'C'];
const TAGS = ['t:1', 't:2', 't:3', 'kind:all'];

/** What the database's search finds. */
async function firstMatch(item: ConditionItem, after: bigint): Promise<bigint | undefined> {
  const [row] = await test.database.query(
    'read',
    `SELECT "${test.schema}".first_match($1::text[], $2::text[], $3::bigint)`,
    [arrayLiteral(item.eventTypes ?? []), arrayLiteral(item.tags ?? []), String(after)],
  );
  return row?.[0] == null ? undefined : BigInt(row[0]);
}

const unless = (...items: ConditionItem[]): { condition: AppendCondition } => ({ condition: { items } });

describe('the search for what breaks a condition', () => {
  it('finds the first event that the rule in core matches, for any types, tags and position', async () => {
    const random = seededRandom(7);
    const pick = (from: readonly string[]) => from.filter(() => random() < 0.4);
    for (let batch = 0; batch < 20; batch++)
      await test.store.append({
        streams: [
          to(
            thing(`search-${batch}`),
            'ANY',
            ...Array.from({ length: 10 }, () =>
              newEvent({ eventType: TYPES[Math.floor(random() * 3)] ?? 'A', tags: pick(TAGS) }),
            ),
          ),
        ],
      });
    const log: readonly Event[] = await loaded(test.store);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          eventTypes: fc.uniqueArray(fc.constantFrom(...TYPES, 'No such')),
          tags: fc.uniqueArray(fc.constantFrom(...TAGS, 'no:such')),
        }),
        fc.integer({ min: 0, max: 205 }),
        async (item, after) => {
          const expected = log.find(
            (event) => event.position > BigInt(after) && matchesCondition([item], event),
          )?.position;
          expect(await firstMatch(item, BigInt(after))).toBe(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('goes by the rarest tag and not by the log', async () => {
    const stream = thing('rare');
    for (let batch = 0; batch < 20; batch++)
      await test.store.append({
        streams: [
          to(
            stream,
            'ANY',
            ...Array.from({ length: 500 }, (_, n) =>
              newEvent({ eventType: 'Often', tags: ['often:1', n % 2 === 0 ? 'even:1' : 'odd:1'] }),
            ),
          ),
        ],
      });
    // What autovacuum does sooner or later: it finds that all events are of one type.
    await test.database.withSession((session) => session.query(`ANALYZE "${test.schema}".events`));
    for (const [types, tags] of [
      ['{}', '{often:1,even:1,no:such}'],
      ['{Never}', '{often:1,odd:1}'],
      ['{Often}', '{no:such}'],
    ])
      await test.database.withSession(async (session) => {
        await session.query('BEGIN');
        const [found] = await session.query(`SELECT "${test.schema}".first_match($1, $2, 0)`, [types, tags]);
        expect(found?.[0]).toBe(null);
        const [row] = await session.query(
          'SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE schemaname = $1',
          [test.schema],
        );
        // Each jump is one look into an index.
        expect(Number(row?.[0])).toBeLessThan(20);
      });
  });
});

describe('conditions of appends that arrive together', () => {
  it('see the events of the appends before them, whether or not they share a transaction', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        test.store.append({
          streams: [to(thing(`race-${n}`), 'NO_STREAM', newEvent({ tags: ['email:ada'] }))],
          ...unless({ tags: ['email:ada'] }),
          onConflict: 'RETURN',
        }),
      ),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'APPENDED',
      ...Array.from({ length: 29 }, () => 'REFUSED'),
    ]);
  });

  it('share transactions where they have nothing to do with each other', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        test.store.append({
          streams: [to(thing(`apart-${n}`), 'NO_STREAM', newEvent({ tags: [`seat:${n}`] }))],
          ...unless({ tags: [`seat:${n}`] }),
        }),
      ),
    );
    expect(outcomes.every(({ outcome }) => outcome === 'APPENDED')).toBe(true);
    const [row] = await test.database.query(
      'read',
      `SELECT count(DISTINCT xmin::text) FROM "${test.schema}".events WHERE aggregate_id LIKE 'apart-%'`,
      [],
    );
    expect(Number(row?.[0])).toBeLessThan(100);
  });

  it('do not let two appends through that each would break the other: no write skew between streams', async () => {
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.all(
        ['left', 'right'].map((side) =>
          test.store.append({
            streams: [
              to(thing(`${side}-${round}`), 'ANY', newEvent({ eventType: 'Taken', tags: [`slot:${round}`] })),
            ],
            ...unless({ eventTypes: ['Taken'], tags: [`slot:${round}`] }),
            onConflict: 'RETURN',
          }),
        ),
      );
      expect(outcomes.filter(({ outcome }) => outcome === 'APPENDED').length).toBe(1);
    }
  });

  it('keep the order of one caller, though a long condition is looked at before its turn', async () => {
    const { signal } = new AbortController();
    const stream = thing('in-order');
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        test.store.append(
          {
            streams: [to(stream, n === 0 ? 'NO_STREAM' : BigInt(n), newEvent({ json: n }))],
            ...(n % 5 === 0 ? unless({ tags: ['no:such'] }) : {}),
          },
          { signal },
        ),
      ),
    );
    expect(all.map(({ versions }) => versions[0]?.version)).toEqual(
      Array.from({ length: 20 }, (_, n) => BigInt(n + 1)),
    );
  });
});

describe('a condition', () => {
  it('that the append itself would break does not make its repeat fail', async () => {
    const request = {
      streams: [
        to(
          thing('own'),
          'NO_STREAM',
          newEvent({ eventId: '0190a000-0000-7000-8000-0000000000aa', tags: ['own:1'] }),
        ),
      ],
      ...unless({ tags: ['own:1'] }),
    };
    const first = await test.store.append(request);
    const again = await test.store.append(request);
    expect(again).toEqual({ ...first, deduplicated: true });
  });

  it('names the first position that breaks it', async () => {
    const { firstPosition } = await test.store.append({
      streams: [to(thing('breaks'), 'ANY', newEvent({ tags: ['b:1'] }), newEvent({ tags: ['b:1'] }))],
    });
    await expect(
      test.store.append({ streams: [to(thing('other'), 'ANY', newEvent())], ...unless({ tags: ['b:1'] }) }),
    ).rejects.toMatchObject({
      reason: 'APPEND_CONDITION_FAILED',
      position: firstPosition,
      outcome: 'NOT_APPLIED',
    });
    const head = (await test.store.head()).position;
    const after = { condition: { items: [{ tags: ['b:1'] }], after: { position: head } } };
    await test.store.append({ streams: [to(thing('other'), 'ANY', newEvent())], ...after });
  });

  it('whose position is of an epoch or a tail that is not of this log is refused', async () => {
    const { position, epoch } = await test.store.head();
    const conditional = (after: { position: bigint; epoch?: bigint }) =>
      test.store.append({
        streams: [to(thing('epochs'), 'ANY', newEvent())],
        condition: { items: [{ tags: ['no:such'] }], after },
      });
    await expect(conditional({ position: position + 10n })).rejects.toMatchObject({
      reason: 'POSITION_UNKNOWN',
    });
    await expect(conditional({ position: 1n, epoch: epoch + 5n })).rejects.toMatchObject({
      reason: 'POSITION_UNKNOWN',
    });
    await test.database.query(
      'append',
      `INSERT INTO "${test.schema}".epochs SELECT epoch + 1, 5, system_id, timeline, clock_timestamp()
         FROM "${test.schema}".epochs ORDER BY epoch DESC LIMIT 1`,
      [],
    );
    await test.database.query('append', `UPDATE "${test.schema}".log_head SET epoch = epoch + 1`, []);
    await expect(conditional({ position: 6n, epoch })).rejects.toMatchObject({
      reason: 'LOG_EPOCH_CHANGED',
      lastCommonPosition: 5n,
    });
    await conditional({ position: 5n, epoch });
  });
});
