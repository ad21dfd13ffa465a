import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { blocksOf, cellsOf, codeSpans, rowsOf } from './markdown.js';

const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/sql.md'), 'utf8');
const blocks = blocksOf(text, 'sql').map((block) => ({ ...block, first: block.code.split('\n')[0] ?? '' }));

let test: TestStore;

beforeAll(async () => {
  test = await openTestStore();
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  const metadata = { correlation_id: 'request-7' };
  const tags = ['owner:ada'];
  await test.store.append({
    streams: [
      {
        stream: { aggregateType: 'Account', aggregateId: '1' },
        expectedVersion: 'NO_STREAM',
        events: [
          { eventType: 'Opened', data: json({ owner: 'ada' }), metadata, tags },
          { eventType: 'Deposited', data: json({ amount: '12.50' }), metadata, tags },
        ],
      },
    ],
  });
});

afterAll(() => test.close());

/** In a transaction that is undone. */
function ask(code: string): Promise<number> {
  return test.database.withSession(async (session) => {
    await session.query('BEGIN');
    try {
      return (await session.query(code.replaceAll('headwater.', `"${test.schema}".`))).length;
    } finally {
      await session.query('ROLLBACK');
    }
  });
}

describe('docs/sql.md', () => {
  it('has queries', () => {
    expect(blocks.length).toBeGreaterThan(10);
    for (const { info } of blocks) expect(['', 'refused']).toContain(info);
  });

  it.each(blocks.filter(({ info }) => info === ''))('line $line gives rows: $first', async ({ code }) => {
    expect(await ask(code)).toBeGreaterThan(0);
  });

  it.each(blocks.filter(({ info }) => info === 'refused'))(
    'line $line is refused: $first',
    async ({ code }) => {
      await expect(ask(code)).rejects.toThrow('append-only');
    },
  );

  it('names every table, and only columns that it has', async () => {
    const told = new Map(
      rowsOf(text)
        .map(cellsOf)
        .filter(([table]) => table?.startsWith('`'))
        .map(([table, , columns]) => [codeSpans(table ?? '')[0] ?? '', codeSpans(columns ?? '')]),
    );
    const found = new Map<string, string[]>();
    for (const [table, column] of await test.database.query(
      'read',
      `SELECT table_name, column_name FROM information_schema.columns c JOIN information_schema.tables t
        USING (table_schema, table_name) WHERE table_schema = $1 AND table_type = 'BASE TABLE'`,
      [test.schema],
    ))
      found.set(table ?? '', [...(found.get(table ?? '') ?? []), column ?? '']);
    expect([...told.keys()].sort()).toEqual([...found.keys()].sort());
    for (const [table, columns] of told)
      expect(found.get(table), table).toEqual(expect.arrayContaining(columns));
  });
});
