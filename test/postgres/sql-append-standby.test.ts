import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { type ReplicatedPostgres, startReplicatedPostgres } from '../support/replicated-postgres.js';
import { openSqlSession, refusal } from './sql-session.js';

let set: ReplicatedPostgres;
beforeAll(async () => {
  set = await startReplicatedPostgres(1);
});
afterAll(() => set.close());

it('load in SQL works on a standby, where append is refused', async () => {
  const connection = { connectionString: set.primary.url };
  const database = new Database({ connection });
  await migrate(database, 'headwater');
  await database.close();
  const events = [{ event_type: 'Opened', data: {} }];
  const writer = await openSqlSession('headwater', connection);
  await writer.append(['Account', 'a'], 'NO_STREAM', events);
  await writer.close();
  const [standby] = set.standbys;
  await standby?.caughtUp();
  const reader = await openSqlSession('headwater', { connectionString: standby?.url ?? '' });
  expect(await reader.load(['Account', 'a'])).toEqual([['1', 'Opened', '1']]);
  expect(await refusal(reader.load(['Account', 'b']))).toMatchObject({ code: 'ZH005' });
  expect((await refusal(reader.append(['Account', 'a'], 'ANY', events))).code).toMatch(
    /^(25006|0A000|55000)$/,
  );
  await reader.close();
});
