import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/postgres/database.js';
import { openDatabase } from '../support/test-database.js';

let database: Database;
beforeAll(() => {
  database = openDatabase();
});
afterAll(() => database.close());

describe.each([
  ['prepared', { prepared: 'text_rows' }, [4]],
  ['parsed each time', {}, [4]],
  ['without values, which the server describes by itself', {}, []],
] as const)('a statement %s', (_, options, values) => {
  const query = (text: string) =>
    database.query('read', text.replaceAll('$4', values.length === 0 ? '4' : '$1::integer'), values, options);

  it('answers its rows as text, NULL apart from an empty text', async () => {
    const text =
      "SELECT n, NULL, '', true, 'ü'::text, ARRAY[n, 1] FROM generate_series(1, $4) n WHERE n <> 2";
    expect(await query(text)).toEqual(['1', '3', '4'].map((n) => [n, null, '', 't', 'ü', `{${n},1}`]));
  });

  it('answers rows without columns, and none', async () => {
    expect(await query('SELECT FROM generate_series(1, $4)')).toEqual([[], [], [], []]);
    expect(await query('SELECT 1 WHERE $4 = 5')).toEqual([]);
  });

  it('fails where it fails behind rows, and leaves the connection as it was', async () => {
    await expect(query('SELECT 1 / (3 - n) FROM generate_series(1, $4) n')).rejects.toThrow(
      'division by zero',
    );
    expect(await query('SELECT $4')).toEqual([['4']]);
  });
});

it('several statements at once answer the rows of all', async () => {
  expect(await database.query('append', 'SELECT 1; SELECT 2, 3', [])).toEqual([['1'], ['2', '3']]);
});
