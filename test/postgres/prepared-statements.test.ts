import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database, PoolName } from '../../src/postgres/database.js';
import { openDatabase } from '../support/test-database.js';

const ONE = 'SELECT $1::integer + 1';

let database: Database;
beforeEach(() => {
  database = openDatabase();
});
afterEach(() => database.close());

const ask = (value: number) => database.query('append', ONE, [value], { prepared: 'one' });
const names = async (pool: PoolName = 'append') =>
  (await database.query(pool, 'SELECT name FROM pg_prepared_statements', [])).flat();

describe('a prepared statement', () => {
  it('is parsed once a connection', async () => {
    expect([await ask(1), await ask(2)]).toEqual([[['2']], [['3']]]);
    expect(await names()).toEqual([expect.stringMatching(/^one_[0-9a-f]{32}$/)]);
  });

  it('whose rows come in binary is parsed once as well, and done without where it is not there', async () => {
    const askBinary = (value: number) =>
      database.queryBinary('read', `${ONE} WHERE $1 > 0`, [value], { prepared: 'rows' });
    expect([(await askBinary(1)).starts.length, (await askBinary(2)).starts.length]).toEqual([1, 1]);
    expect(await names('read')).toEqual([expect.stringMatching(/^rows_[0-9a-f]{32}$/)]);
    await database.query('read', 'DEALLOCATE ALL', []);
    expect((await askBinary(3)).starts).toHaveLength(1);
    expect(await names('read')).toEqual([]);
  });

  it('that a pooler has given to another session is done without', async () => {
    await ask(1);
    await database.query('append', 'DEALLOCATE ALL', []);
    expect([await ask(2), await ask(3)]).toEqual([[['3']], [['4']]]);
    expect(await names()).toEqual([]);
  });

  it('that another client of a pooler has prepared in the session is done without', async () => {
    await ask(1);
    const [name] = await names();
    await database.query('append', 'DEALLOCATE ALL', []);
    const other = openDatabase();
    await other.query('append', `PREPARE "${name}" (integer) AS ${ONE}`, []);
    expect([
      await other.query('append', ONE, [2], { prepared: 'one' }),
      await other.query('append', ONE, [3], { prepared: 'one' }),
    ]).toEqual([[['3']], [['4']]]);
    await other.close();
  });

  it('refuses values as any other', async () => {
    await expect(database.query('append', ONE, ['x'], { prepared: 'one' })).rejects.toThrow('invalid input');
    expect(await ask(1)).toEqual([['2']]);
    expect(await names()).toHaveLength(1);
  });
});
