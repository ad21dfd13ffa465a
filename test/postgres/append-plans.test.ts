import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { append } from '../../src/postgres/append.js';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';
import { newSchemaName } from '../support/test-database.js';

// Plans that were made while the log was small are kept while it grows.

const GROUP = 20;
const schema = newSchemaName();
let database: Database;
beforeAll(async () => {
  // One connection, whose plans and counts are looked at.
  database = new Database({ connection: inject('connection'), appendConnections: 1 });
  await migrate(database, schema);
  await database.query('append', `SELECT "${schema}".open_log()`, []);
});
afterAll(async () => {
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

const run = (text: string) => database.query('append', text.replaceAll('$schema', `"${schema}"`), []);

const stream = (index: number) => ({ aggregateType: 'Thing', aggregateId: `thing-${index}` });
const group = (turn: number) =>
  Array.from({ length: GROUP }, (_, index) =>
    prepareAppend(
      {
        streams: [
          {
            stream: stream((turn % 10) * GROUP + index),
            expectedVersion: 'ANY',
            events: [{ eventType: 'Happened', data: Buffer.from('{}') }],
          },
        ],
      },
      DEFAULT_LIMITS,
      systemRuntime,
    ),
  );

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

it('appends, repeats and loads of aggregates read no more of a log that has grown since it was analysed', async () => {
  const groups = Array.from({ length: 50 }, (_, turn) => group(turn));
  const [first = [], ...others] = groups;
  const load = () =>
    run(
      `SELECT count(*) FROM $schema.load_aggregates(ARRAY['Thing'], ARRAY['thing-0'], ARRAY[0], 1, 1000000, 1000000)`,
    );
  await append(database, schema, first.slice(0, 1));
  for (const table of ['events', 'streams']) await run(`VACUUM ANALYZE $schema.${table}`);
  await append(database, schema, first.slice(1));
  await append(database, schema, first);
  await load();
  for (const each of others) await append(database, schema, each);

  expect(await read(() => append(database, schema, group(0)))).toBeLessThan(5 * GROUP);
  expect(await read(() => append(database, schema, first))).toBeLessThan(20 * GROUP);
  expect(await read(load)).toBeLessThan(10);
});
