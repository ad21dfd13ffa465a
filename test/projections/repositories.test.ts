import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { compareUtf8 } from '../../src/core/utf8-order.js';
import { InMemoryRepository, type RepositoryChange } from '../../src/projections/in-memory-repository.js';
import type { Repository } from '../../src/projections/repository.js';
import { SqlRepository } from '../../src/projections/sql-repository.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';

interface Account {
  readonly id: string;
  readonly balance: number;
  readonly tags?: string[];
}

const schema = newSchemaName();
let pool: pg.Pool;
beforeAll(async () => {
  pool = new pg.Pool({ connectionString: urlOf(inject('connection')), max: 4 });
  await pool.query(`CREATE SCHEMA "${schema}"`);
});
afterAll(async () => {
  await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
  await pool.end();
});

async function listed<T extends { readonly id: string }>(
  entities: AsyncIterable<T>,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of entities) ids.push(id);
  return ids;
}

describe.each(['in memory', 'on Postgres'])('a repository %s', (where) => {
  let accounts: Repository<Account>;
  beforeEach(async () => {
    if (where === 'in memory') accounts = new InMemoryRepository<Account>();
    else {
      const repository = new SqlRepository<Account>(pool, { table: `${schema}.accounts` });
      await repository.drop();
      await repository.init();
      accounts = repository;
    }
  });

  it('gives what was put in, as it was last', async () => {
    expect(await accounts.byId('a')).toBeUndefined();
    await accounts.upsert({ id: 'a', balance: 1 });
    await accounts.upsert({ id: 'a', balance: 2, tags: ['x', "it's"] });
    expect(await accounts.byId('a')).toEqual({ id: 'a', balance: 2, tags: ['x', "it's"] });
  });

  it('removes, and says whether there was something', async () => {
    await accounts.upsert({ id: 'a', balance: 1 });
    expect([await accounts.remove('a'), await accounts.remove('a')]).toEqual([true, false]);
    expect(await listed(accounts.all())).toEqual([]);
  });

  it('gives all by their bytes, page by page', async () => {
    const ids = ['b', 'a', 'Z', 'ä', '\u{1F600}', '\uFFFD', 'aa', '10', '9'];
    for (const id of ids) await accounts.upsert({ id, balance: 0 });
    const sorted = [...ids].sort(compareUtf8);
    for (const pageSize of [1, 2, 9, 1000])
      expect(await listed(accounts.all({ pageSize })), `${pageSize}`).toEqual(sorted);
    expect(await listed(accounts.all({ after: 'a', limit: 2, pageSize: 1 }))).toEqual(['aa', 'b']);
    await expect(listed(accounts.all({ pageSize: 0 }))).rejects.toThrow(RangeError);
  });

  it('keeps what it was given, whatever becomes of that', async () => {
    const account = { id: 'a', balance: 1, tags: ['x'] };
    await accounts.upsert(account);
    account.tags.push('y');
    (await accounts.byId('a'))?.tags?.push('z');
    expect((await accounts.byId('a'))?.tags).toEqual(['x']);
  });

  it('refuses an id that is none', async () => {
    await expect(accounts.upsert({ id: '', balance: 0 })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [{ field: 'id' }],
    });
  });
});

describe('observers of a repository in memory', () => {
  it('are told of every change in order, until they leave', async () => {
    const accounts = new InMemoryRepository<Account>();
    const told: RepositoryChange<Account>[] = [];
    const leave = accounts.observe((change) => told.push(change));
    await accounts.upsert({ id: 'a', balance: 1 });
    await accounts.upsert({ id: 'a', balance: 2 });
    await accounts.remove('a');
    await accounts.remove('a');
    leave();
    await accounts.upsert({ id: 'b', balance: 1 });
    expect(told).toEqual([
      { kind: 'UPSERTED', entity: { id: 'a', balance: 1 }, former: undefined },
      { kind: 'UPSERTED', entity: { id: 'a', balance: 2 }, former: { id: 'a', balance: 1 } },
      { kind: 'REMOVED', former: { id: 'a', balance: 2 } },
    ]);
  });

  it('are told of what another one changes after what it was told of, and of what another one fails at', async () => {
    const failures: unknown[] = [];
    const accounts = new InMemoryRepository<Account>({ onFailure: (error) => failures.push(error) });
    const told: string[] = [];
    accounts.observe(({ kind }) => {
      if (kind === 'UPSERTED') void accounts.remove('a');
      throw new Error(kind);
    });
    accounts.observe(({ kind }) => told.push(kind));
    await accounts.upsert({ id: 'a', balance: 1 });
    expect(told).toEqual(['UPSERTED', 'REMOVED']);
    expect(failures).toEqual([new Error('UPSERTED'), new Error('REMOVED')]);
  });

  it('see no more than it holds', async () => {
    const accounts = new InMemoryRepository<Account>({ capacity: 1 });
    await accounts.upsert({ id: 'a', balance: 1 });
    await accounts.upsert({ id: 'a', balance: 2 });
    await expect(accounts.upsert({ id: 'b', balance: 1 })).rejects.toThrow(/which is its capacity/);
  });
});

describe('a repository on Postgres', () => {
  it('writes in the transaction of the connection that it is given', async () => {
    const accounts = new SqlRepository<Account>(pool, { table: `${schema}.ledger` });
    await accounts.init();
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await accounts.on(client).upsert({ id: 'a', balance: 1 });
      expect(await accounts.on(client).byId('a')).toEqual({ id: 'a', balance: 1 });
      expect(await accounts.byId('a')).toBeUndefined();
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    expect(await accounts.byId('a')).toBeUndefined();
  });

  it('is made by many at the same time', async () => {
    // Who is late by how much is chance, and so is which of the server's three errors it gets.
    for (let round = 0; round < 40; round += 1) {
      const made = Array.from({ length: 8 }, () =>
        new SqlRepository<Account>(pool, { table: `${schema}.raced_${round}` }).init(),
      );
      await expect(Promise.all(made)).resolves.toHaveLength(8);
    }
  });

  it('takes no name of a table that would have to be guessed at', () => {
    for (const table of ['Accounts', 'a;b', 'a.b.c', '', '"a"'])
      expect(() => new SqlRepository(pool, { table }), table).toThrow(TypeError);
  });
});
