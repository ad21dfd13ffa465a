import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HeadwaterError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import { Database } from '../../src/postgres/database.js';
import type { PostgresNamespaces } from '../../src/postgres/namespaces.js';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { namespacesOn } from '../support/namespaces.js';

let postgres: CrashablePostgres;
let database: Database;
let namespaces: PostgresNamespaces;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  postgres = await startCrashablePostgres();
});
afterAll(async () => {
  await postgres.close();
});
beforeEach(async () => {
  database = new Database({ connection: postgres.connection });
  namespaces = namespacesOn(database, { default: 'headwater' });
  await namespaces.start();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  const { namespaces: left } = await namespaces.list({ pageSize: 1000 });
  for (const { name } of left) if (name !== 'headwater') await namespaces.drop(name, { confirm: name });
  await namespaces.stop();
  await database.close();
});

/** Another instance of the service on the same database. */
async function another(
  options: Partial<Parameters<typeof namespacesOn>[1]> = {},
): Promise<PostgresNamespaces> {
  const other = namespacesOn(database, { default: 'headwater', ...options });
  await other.start();
  closing.push(() => other.stop());
  return other;
}

async function opened(of: PostgresNamespaces, name: string): Promise<EventStore> {
  await of.open(name);
  return of.of(name).store;
}

const sql = (text: string) => database.query('append', text, []);

function append(store: EventStore, aggregateId: string) {
  const stream = { aggregateType: 'Thing', aggregateId };
  const events = [{ eventType: 'Happened', data: Buffer.from('x') }];
  return store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
}

describe('a namespace that is created', () => {
  it('is an empty log of its own, listed by name', async () => {
    expect(await namespaces.create('orders')).toEqual({
      name: 'orders',
      default: false,
      placement: undefined,
    });
    await namespaces.create('invoices');
    expect((await namespaces.list()).namespaces).toEqual([
      { name: 'headwater', default: true, placement: undefined },
      { name: 'invoices', default: false, placement: undefined },
      { name: 'orders', default: false, placement: undefined },
    ]);
    expect((await append(await opened(namespaces, 'orders'), '1')).firstPosition).toBe(1n);
    expect((await append(await opened(namespaces, 'invoices'), '1')).firstPosition).toBe(1n);
  });

  it('is refused when it is there, also to all but one who create it at the same time', async () => {
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => namespaces.create('contested')));
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(4);
    for (const one of refused) expect(one).toMatchObject({ reason: { reason: 'NAMESPACE_EXISTS' } });
    await expect(namespaces.create('headwater')).rejects.toMatchObject({ reason: 'NAMESPACE_EXISTS' });
  });

  it.each(['', 'Upper', '1a', 'a-b', 'a'.repeat(49), 'x"; DROP SCHEMA headwater; --', 'pg_mine', 'public'])(
    'may not be called %j',
    async (name) => {
      await expect(namespaces.create(name)).rejects.toMatchObject({
        reason: 'INVALID_REQUEST',
        violations: [{ field: 'name' }],
      });
    },
  );

  it('is refused where a schema of somebody else has the name, which is left alone', async () => {
    await sql('CREATE SCHEMA theirs CREATE TABLE things (id integer)');
    await expect(namespaces.create('theirs')).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [{ field: 'name', description: expect.stringContaining('was not made by Headwater') }],
    });
    await expect(namespaces.open('theirs')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await expect(namespaces.drop('theirs', { confirm: 'theirs' })).rejects.toMatchObject({
      reason: 'NAMESPACE_NOT_FOUND',
    });
    expect((await namespaces.list()).namespaces.map(({ name }) => name)).toEqual(['headwater']);
    expect(await sql('SELECT count(*) FROM theirs.things')).toEqual([['0']]);
    await sql('DROP SCHEMA theirs CASCADE');
  });

  it('is refused with the way out where the role may not create schemas', async () => {
    await sql('CREATE ROLE weak LOGIN IN ROLE headwater_writer, headwater_reader');
    const weak = new Database({ connection: { ...postgres.connection, user: 'weak' } });
    const limited = namespacesOn(weak, { default: 'headwater' });
    await limited.start();
    closing.push(
      () => sql('DROP ROLE weak'),
      () => weak.close(),
      () => limited.stop(),
    );
    await expect(limited.create('forbidden')).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringMatching(/cannot be created.*headwater migrate/),
    });
    await namespaces.create('owned');
    await expect(limited.drop('owned', { confirm: 'owned' })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringContaining('does not own it'),
    });
    // And it may serve what it may not change.
    expect((await append(await opened(limited, 'owned'), '1')).firstPosition).toBe(1n);
  });
});

describe('a list of namespaces', () => {
  it('comes in pages that are stable while others are created', async () => {
    for (const name of ['b1', 'b3', 'b5']) await namespaces.create(name);
    const first = await namespaces.list({ pageSize: 2 });
    expect(first.namespaces.map(({ name }) => name)).toEqual(['b1', 'b3']);
    for (const name of ['b2', 'b6']) await namespaces.create(name);
    const second = await namespaces.list({ pageSize: 2, pageToken: first.nextPageToken ?? '' });
    expect(second.namespaces.map(({ name }) => name)).toEqual(['b5', 'b6']);
    const last = await namespaces.list({ pageSize: 2, pageToken: second.nextPageToken ?? '' });
    expect(last).toMatchObject({ namespaces: [{ name: 'headwater' }], nextPageToken: undefined });
  });

  it.each([{ pageSize: 0 }, { pageSize: 1001 }, { pageSize: 1.5 }, { pageToken: 'x' }])(
    'refuses %j',
    async (request) => {
      await expect(namespaces.list(request)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
    },
  );
});

describe('a namespace that is dropped', () => {
  it('must be confirmed, must be there, and must not be the default', async () => {
    await namespaces.create('precious');
    await expect(namespaces.drop('precious', { confirm: 'precius' })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [{ field: 'confirm' }],
    });
    await expect(namespaces.drop('headwater', { confirm: 'headwater' })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [{ field: 'name' }],
    });
    await expect(namespaces.drop('nowhere', { confirm: 'nowhere' })).rejects.toMatchObject({
      reason: 'NAMESPACE_NOT_FOUND',
    });
    expect((await namespaces.list()).namespaces.map(({ name }) => name)).toContain('precious');
  });

  it('answers what it took, is gone, ends who follows it, and can be made again as another log', async () => {
    await namespaces.create('orders');
    const store = await opened(namespaces, 'orders');
    const { gone } = namespaces.of('orders');
    await append(store, '1');
    const { bytes } = await namespaces.drop('orders', { confirm: 'orders' });
    expect(bytes).toBeGreaterThan(8192n);
    expect(gone.reason).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND', namespace: 'orders' });
    expect(() => namespaces.of('orders')).toThrow('does not exist');
    await expect(namespaces.open('orders')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await namespaces.create('orders');
    expect((await append(await opened(namespaces, 'orders'), '1')).firstPosition).toBe(1n);
  });

  it('answers the appends that it has taken first', async () => {
    await namespaces.create('busy');
    const store = await opened(namespaces, 'busy');
    const appends = Array.from({ length: 200 }, (_, index) => append(store, String(index)));
    const dropped = namespaces.drop('busy', { confirm: 'busy' });
    expect((await Promise.all(appends)).map(({ lastPosition }) => lastPosition)).toContain(200n);
    await dropped;
  });

  it('is gone for another instance too, which drops its store and can open the next', async () => {
    const other = await another();
    await namespaces.create('shared');
    await append(await opened(other, 'shared'), '1');
    const { gone } = other.of('shared');
    await namespaces.drop('shared', { confirm: 'shared' });
    await expect.poll(() => gone.aborted).toBe(true);
    await expect(other.open('shared')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await namespaces.create('shared');
    await expect
      .poll(async () => append(await opened(other, 'shared'), '1').catch(() => undefined))
      .toMatchObject({ firstPosition: 1n });
  });

  it('is noticed when it was dropped by hand, by whoever uses it and by those who only follow', async () => {
    await namespaces.create('manual');
    const store = await opened(namespaces, 'manual');
    await append(store, '1');
    const { gone } = namespaces.of('manual');
    await sql('DROP SCHEMA manual CASCADE');
    // Not INTERNAL, whatever is asked: first "may have been dropped", then that it was.
    await expect(append(store, '2')).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    await expect.poll(() => gone.aborted).toBe(true);
    await expect(namespaces.open('manual')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await namespaces.create('quiet');
    await opened(namespaces, 'quiet');
    const quiet = namespaces.of('quiet').gone;
    await sql('DROP SCHEMA quiet CASCADE');
    await expect.poll(() => quiet.aborted).toBe(true);
  });

  it('is dropped while another instance is busy with it, which is told nothing worse than that', async () => {
    const other = await another();
    await namespaces.create('crowded');
    const store = await opened(other, 'crowded');
    const reasons = new Set<string>();
    const { gone } = other.of('crowded');
    const busy = async (work: () => Promise<unknown>) => {
      while (!gone.aborted)
        await work().catch((error: unknown) => {
          reasons.add((error as HeadwaterError).reason);
        });
    };
    const following = (async () => {
      for await (const message of store.subscribe({}, { signal: gone })) void message;
    })();
    following.catch(() => undefined);
    const workers = [
      ...Array.from({ length: 4 }, (_, index) => busy(() => append(store, String(index)))),
      ...Array.from({ length: 4 }, () =>
        busy(async () => {
          for await (const page of store.load({})) void page;
        }),
      ),
      busy(() => store.getLog()),
    ];
    await expect.poll(async () => (await store.getLog()).position).toBeGreaterThan(100n);
    await namespaces.drop('crowded', { confirm: 'crowded' });
    await Promise.all(workers);
    await expect(following).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    expect(['NAMESPACE_NOT_FOUND', 'OVERLOADED', 'STORE_UNAVAILABLE']).toEqual(
      expect.arrayContaining([...reasons]),
    );
  });

  it('is not taken for gone when only something in it is missing', async () => {
    await namespaces.create('broken');
    const store = await opened(namespaces, 'broken');
    await sql('ALTER TABLE broken.log_head RENAME TO lost_head');
    await expect(store.getLog()).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    await expect
      .poll(() => store.getLog().catch((error: unknown) => error))
      .toMatchObject({ reason: 'INTERNAL' });
    await sql('ALTER TABLE broken.lost_head RENAME TO log_head');
    expect(await store.getLog()).toMatchObject({ position: 0n });
  });
});

describe('namespaces that are opened', () => {
  it('are opened once, however many ask', async () => {
    await namespaces.create('orders');
    const all = await Promise.all(Array.from({ length: 50 }, () => opened(namespaces, 'orders')));
    expect(new Set(all).size).toBe(1);
    expect(namespaces.open('orders')).toBeUndefined();
  });

  it('are brought to this version first, and refused where a newer one made them', async () => {
    for (const name of ['older', 'newer']) await namespaces.create(name);
    await sql('DROP FUNCTION older.open_log');
    await sql("COMMENT ON TABLE older.schema_migrations IS 'Headwater: of an older build'");
    await sql("INSERT INTO newer.schema_migrations (number, name, digest) VALUES (9999, '9999_later', 'x')");
    expect((await append(await opened(namespaces, 'older'), '1')).firstPosition).toBe(1n);
    await expect(namespaces.open('newer')).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('install that version or a newer one'),
    });
    // And the others are served meanwhile.
    expect((await append(await opened(namespaces, 'older'), '2')).firstPosition).toBe(2n);
  });

  it('are at most as many as the limit says', async () => {
    const few = await another({ maxOpen: 3 });
    for (const name of ['one', 'two', 'three']) await namespaces.create(name);
    const results = await Promise.allSettled(['one', 'two', 'three'].map(async (name) => few.open(name)));
    expect(results.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { reason: 'OVERLOADED', limit: 'max_namespaces' } },
    ]);
    await expect(few.open('nowhere')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
  });

  it('cost one small statement each where they are unknown, and none when asked again', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `unknown_${index}`);
    const ask = () => Promise.allSettled(names.map(async (name) => namespaces.open(name)));
    let statements = 0;
    const query = database.query.bind(database);
    database.query = (...args) => {
      statements += 1;
      return query(...args);
    };
    for (const result of [...(await ask()), ...(await ask())])
      expect(result).toMatchObject({ reason: { reason: 'NAMESPACE_NOT_FOUND' } });
    expect(statements).toBeLessThanOrEqual(310);
    await namespaces.create('unknown_7');
    expect(await append(await opened(namespaces, 'unknown_7'), '1')).toMatchObject({ firstPosition: 1n });
  });

  it('share their connections, however many they are', async () => {
    const many = await another();
    const names = Array.from({ length: 20 }, (_, index) => `many_${index}`);
    for (const name of names) await namespaces.create(name);
    const stores = await Promise.all(names.map((name) => opened(many, name)));
    await Promise.all(
      stores.flatMap((store) => [append(store, '1'), append(store, '2'), append(store, '3')]),
    );
    const [[count] = []] = await sql(
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headwater'",
    );
    // Eight append, eight read, one listens.
    expect(Number(count)).toBeLessThanOrEqual(17);
    for (const store of stores) expect(await store.getLog()).toMatchObject({ position: 3n });
  }, 60_000);
});
