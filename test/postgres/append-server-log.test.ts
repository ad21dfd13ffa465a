import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import type { AppendRequest } from '../../src/core/append.js';
import { InternalError } from '../../src/core/errors.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { ForeseenAppends } from '../../src/postgres/append-foreseen.js';
import { Database } from '../../src/postgres/database.js';
import { GroupAppends } from '../../src/postgres/group-appends.js';
import { GroupLane } from '../../src/postgres/group-lane.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';
import { newEvent, thing, to } from '../../src/testing/builders.js';
import { afterThisTest, scratch } from '../embedded/scratch.js';

// Most servers write errors into their log. Who is called at night looks there, and is not to wade through the day's refusals.

const schema = 'headwater';

/** A store on a server of its own, which logs errors as most servers do. */
async function openStore(onLog: (line: string) => void) {
  const postgres = await startEmbeddedPostgres({
    dataDirectory: await scratch(),
    settings: { log_min_messages: 'warning' },
    onLog,
  });
  afterThisTest(() => postgres.stop());
  const database = new Database({ connection: postgres.connection });
  afterThisTest(() => database.close());
  await migrate(database, schema);
  const store = new PostgresEventStore({
    database,
    schema,
    runtime: systemRuntime,
    onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
  });
  afterThisTest(() => store.stop());
  await store.start();
  return { database, store };
}

it('refused appends, alone and in groups, leave no error in the log of the server', async () => {
  const lines: string[] = [];
  const { database, store } = await openStore((line) => lines.push(line));
  const there = thing('there');
  await store.append({ streams: [to(there, 'NO_STREAM', newEvent())] });
  const refused: AppendRequest[] = [
    { streams: [to(there, 'NO_STREAM', newEvent())] },
    { streams: [to(there, 99n, newEvent(), newEvent())] },
    { streams: [to(thing('missing'), 3n, newEvent())] },
  ];
  for (const request of refused)
    await expect(store.append(request)).rejects.toMatchObject({ reason: 'WRONG_EXPECTED_VERSION' });
  for (const wrong of refused) {
    const group = [{ streams: [to(thing(randomUUID()), 'NO_STREAM', newEvent())] }, wrong].map((request) =>
      prepareAppend(request, DEFAULT_LIMITS, systemRuntime),
    );
    // Nothing has failed for these, so that they do try.
    const foreseen = new ForeseenAppends({ lane: new GroupLane(database, systemRuntime), schema });
    expect(await foreseen.append(group)).toBeUndefined();
    const appends = new GroupAppends({ database, schema, runtime: systemRuntime });
    expect(await appends.append(group)).toMatchObject([{ outcome: 'APPENDED' }, { outcome: 'REFUSED' }]);
  }
  // What is written there comes in order, so all before this error is there when it is.
  await expect(database.query('append', 'SELECT 1 / 0 AS marker', [])).rejects.toThrow('division by zero');
  await expect.poll(() => lines.some((line) => line.includes('division by zero'))).toBe(true);
  expect(lines.filter((line) => /ERROR|WARNING/.test(line))).toEqual([
    expect.stringContaining('division by zero'),
  ]);
}, 60_000);
