import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendTo, newEvent, thing } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { openSqlSession, type SqlSession } from './sql-session.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const events = [{ event_type: 'Slow', data: {} }];

describe('transactions that stay open with an append', () => {
  it('cost the appends of others little: the ratio is printed', async () => {
    const appends = 1000;
    const seconds = async () => {
      const began = performance.now();
      await Promise.all(
        Array.from({ length: 64 }, async (_, worker) => {
          for (let index = worker; index < appends; index += 64)
            await test.store.append(appendTo(thing(`rate-${index % 500}`), newEvent()));
        }),
      );
      return (performance.now() - began) / 1000;
    };
    await seconds();
    const idle: SqlSession[] = [];
    const took = { without: 0, with: 0 };
    // Short turns, so that whatever else the machine does falls on both alike.
    const rounds = 12;
    for (let round = 0; round < rounds; round += 1) {
      took.without += await seconds();
      for (let index = 0; index < 10; index += 1) {
        const session = await openSqlSession(test.schema);
        await session.query('BEGIN');
        await session.append(['Thing', `rate-${index}`], 'ANY', events);
        idle.push(session);
      }
      took.with += await seconds();
      for (const session of idle.splice(0)) {
        await session.query('COMMIT');
        await session.close();
      }
    }
    const rate = (time: number) => ((rounds * appends) / time).toFixed(0);
    console.log(
      `appends/s of the service: ${rate(took.without)} alone, ${rate(took.with)} beside 10 idle transactions with ` +
        `appends, ratio ${(took.without / took.with).toFixed(2)}`,
    );
    const check = await openSqlSession(test.schema);
    expect(
      await check.query(
        "SELECT count(*) FROM $schema.events WHERE event_type = 'Slow' AND aggregate_id LIKE 'rate-%'",
      ),
    ).toEqual([['120']]);
    await check.close();
  });
});
