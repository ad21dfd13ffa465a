import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newGroup, TestMember } from '../../src/testing/group-storage-members.js';
import { groupStorageOn } from '../postgres/groups/storage-on.js';
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
  const groups = groupStorageOn(test);
  await groups.create(newGroup('billing', 1));
  const member = await new TestMember(groups, 'billing', 'a').join();
  const { slots } = await member.beat();
  await member.beat({
    news: slots.map(({ fence, slot }) => ({
      kind: 'PARKED',
      fence,
      slot,
      stream: { aggregateType: 'Account', aggregateId: '1' },
      position: 1n,
      version: 1n,
      eventType: 'Opened',
      eventId: '018f2f6e-0000-7000-8000-000000000001',
      attempts: 10,
      reason: 'no such currency',
    })),
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
    for (const { info } of blocks) expect(['', 'refused', 'transaction']).toContain(info);
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

  it.each(blocks.filter(({ info }) => info === 'transaction'))('line $line commits', async ({ code }) => {
    await test.database.withSession(async (session) => {
      for (const statement of code
        .replace('CREATE TABLE', 'CREATE TEMP TABLE')
        .split(/;\n/)
        .filter((text) => text.trim() !== '')) {
        const rows = await session.query(statement.replaceAll('headwater.', `"${test.schema}".`));
        expect(rows.length, statement).toBe(statement.includes('SELECT') ? 1 : 0);
      }
      expect(await session.query('SELECT amount FROM payments')).toEqual([['10']]);
      expect(await session.query(`SELECT event_type FROM "${test.schema}".load('Wallet', 'ada')`)).toEqual([
        ['Paid'],
      ]);
    });
  });

  it('names the SQLSTATE of every reason as error_reason.proto numbers it', () => {
    const proto = readFileSync(
      path.resolve(import.meta.dirname, '../../proto/headwater/v1/error_reason.proto'),
      'utf8',
    );
    const told = rowsOf(text)
      .map(cellsOf)
      .filter(([state]) => state?.startsWith('ZH'));
    expect(told.length).toBeGreaterThan(5);
    for (const [state, reason] of told)
      expect(proto).toContain(`ERROR_REASON_${reason} = ${Number(state?.slice(2))};`);
  });

  it('names files that exist', () => {
    for (const [, target] of text.matchAll(/\]\(([^)#]+)\)/g))
      expect(() => readFileSync(path.resolve(import.meta.dirname, '../../docs', target ?? ''))).not.toThrow();
  });

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
