import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { GroupAppends } from '../../src/postgres/group-appends.js';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import type { PreparedAppend } from '../../src/postgres/prepared-append.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';
import { newEvent, thing, to } from '../../src/testing/builders.js';
import { newSchemaName } from '../support/test-database.js';

// Plans that were made while the log was small are kept while it grows.

const GROUP = 20;
const STREAMS = 10 * GROUP;
let schema: string;
let database: Database;
beforeEach(async () => {
  // One connection, whose plans and counts are looked at.
  database = new Database({ connection: inject('connection'), appendConnections: 1 });
  schema = newSchemaName();
  await migrate(database, schema);
  await run('SELECT $schema.open_log()');
});
afterEach(async () => {
  await run('DROP SCHEMA $schema CASCADE');
  await database.close();
});

const run = (text: string) => database.query('append', text.replaceAll('$schema', `"${schema}"`), []);

/** Groups that go from stream to stream, round and round. */
function group(turn: number, expected: 'ANY' | 'EXACT'): readonly PreparedAppend[] {
  return Array.from({ length: GROUP }, (_, index) => {
    const place = turn * GROUP + index;
    const version = BigInt(Math.floor(place / STREAMS));
    const expectedVersion = expected === 'ANY' ? 'ANY' : version || 'NO_STREAM';
    const streams = [to(thing(`thing-${place % STREAMS}`), expectedVersion, newEvent())];
    return prepareAppend({ streams }, DEFAULT_LIMITS, systemRuntime);
  });
}

/** How many entries of indexes were read for it. */
async function read(work: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    await run('SELECT pg_stat_force_next_flush()');
    const [row] = await run(
      `SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = '${schema}' AND relname IN ('events', 'streams')`,
    );
    return Number(row?.[0]);
  };
  const before = await count();
  await work();
  return (await count()) - before;
}

it.each(['ANY', 'EXACT'] as const)(
  'appends, repeats and loads of aggregates read no more of a log that has grown since it was analysed: %s',
  async (expected) => {
    const groups = Array.from({ length: 50 }, (_, turn) => group(turn, expected));
    const appends = new GroupAppends({ database, schema, runtime: systemRuntime });
    const [first = [], ...others] = groups;
    const load = () =>
      run(
        `SELECT count(*) FROM $schema.load_aggregates(ARRAY['Thing'], ARRAY['thing-0'], ARRAY[0], 1, 1000000, 1000000)`,
      );
    await appends.append(first.slice(0, 1));
    for (const table of ['events', 'streams']) await run(`VACUUM ANALYZE $schema.${table}`);
    await appends.append(first.slice(1));
    await appends.append(first);
    await load();
    for (const each of others) await appends.append(each);

    expect(await read(() => appends.append(group(50, expected)))).toBeLessThan(5 * GROUP);
    expect(await read(() => appends.append(group(51, expected).slice(0, 1)))).toBeLessThan(20);
    expect(await read(() => appends.append(first))).toBeLessThan(20 * GROUP);
    expect(await read(load)).toBeLessThan(10);
  },
);
