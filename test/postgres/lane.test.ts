import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Database, StatementTimeoutError } from '../../src/postgres/database.js';
import type { Lane } from '../../src/postgres/lane.js';
import { FaultProxy, through } from '../support/fault-proxy.js';
import { failureOf } from '../../src/postgres/sqlstate.js';

const ONE = 'SELECT $1::text, pg_backend_pid()';
const SLEEP = 'SELECT pg_sleep($1)';

let database: Database;
let lane: Lane;
beforeEach(() => {
  // With the only connection held, nobody else gets one.
  database = new Database({
    connection: inject('connection'),
    appendConnections: 1,
    statementTimeoutMilliseconds: 700,
  });
  lane = database.lane();
});
afterEach(() => database.close());

const ask = (value: string) => lane.query(ONE, [value], 'one');
const sleep = (seconds: number) => lane.query(SLEEP, [seconds], 'sleep');

describe('statements on a lane', () => {
  it('run one after the other in one connection, which others have again afterwards', async () => {
    const order: string[] = [];
    const answers = await Promise.all(
      ['a', 'b', 'c'].map(async (value) => {
        const [row] = await ask(value);
        order.push(value);
        return row;
      }),
    );
    expect(order).toEqual(['a', 'b', 'c']);
    expect(answers.map((row) => row?.[0])).toEqual(['a', 'b', 'c']);
    expect(new Set(answers.map((row) => row?.[1])).size).toBe(1);
    expect(await database.query('append', 'SELECT 1', [])).toEqual([['1']]);
  });

  it('are with the server while one before them still runs', async () => {
    const proxy = await FaultProxy.before(inject('connection'));
    const proxied = new Database({ connection: through(proxy, inject('connection')) });
    const sent = proxy.counting('sent behind');
    const behindIt = proxied.lane();
    let over = false;
    const slow = behindIt.query(SLEEP, [0.5], 'sleep').then(() => (over = true));
    const behind = behindIt.query(ONE, ['sent behind'], 'one');
    await expect.poll(sent, { interval: 5 }).toBe(1);
    expect(over).toBe(false);
    expect((await behind)[0]?.[0]).toBe('sent behind');
    await slow;
    await proxied.close();
    await proxy.close();
  });

  it('are not stopped by one that is refused', async () => {
    const [refused, behind] = await Promise.allSettled([
      lane.query('SELECT 1 / $1::integer', [0], 'divided'),
      ask('b'),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: '22012' } });
    expect(behind).toMatchObject({ status: 'fulfilled' });
    expect((await ask('c'))[0]?.[0]).toBe('c');
  });

  it('fail together when one takes too long, at once, and the next ones have another connection', async () => {
    const [[, pid] = []] = await ask('who');
    const began = performance.now();
    const [slow, behind] = await Promise.allSettled([sleep(20), ask('behind')]);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(slow).toMatchObject({ reason: expect.any(StatementTimeoutError) });
    expect(behind.status === 'rejected' && failureOf(behind.reason)).toBe('CONNECTION');
    const [[value, other] = []] = await ask('after');
    expect([value, other === pid]).toEqual(['after', false]);
  });

  it('fail together when the server ends the connection', async () => {
    const [[, pid] = []] = await ask('who');
    const both = Promise.allSettled([sleep(0.5), ask('behind')]);
    await database.query('read', 'SELECT pg_terminate_backend($1)', [pid]);
    for (const one of await both)
      expect(one.status === 'rejected' && failureOf(one.reason)).toBe('CONNECTION');
    expect((await ask('after'))[0]?.[0]).toBe('after');
  });

  it('are not prepared where a pooler has taken the session', async () => {
    await ask('a');
    await database.query('append', 'DEALLOCATE ALL', []);
    const answers = await Promise.all([ask('b'), ask('c')]);
    expect(answers.map(([row]) => row?.[0])).toEqual(['b', 'c']);
    expect(database.isPooled).toBe(true);
  });
});
