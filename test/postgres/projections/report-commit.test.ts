import { expect, inject, it, onTestFinished } from 'vitest';
import { Database } from '../../../src/postgres/database.js';
import { openTestStore } from '../../support/test-database.js';
import { projectionsOn } from './projections-on.js';

it('a report waits for no disk, and what comes behind it on its connection does', async () => {
  const test = await openTestStore();
  const database = new Database({ connection: inject('connection'), appendConnections: 1 });
  onTestFinished(async () => {
    await database.close();
    await test.close();
  });
  const ask = async (text: string) => (await database.query('append', text, []))[0]?.[0];
  const projections = projectionsOn({ ...test, database }, 60_000);
  const { leases } = await projections.acquire({
    name: 'balances',
    kind: 'STATE',
    definitionVersion: 1,
    runner: 'host',
    runnerId: 'one',
  });
  const [lease] = leases;
  if (lease === undefined) throw new Error('No lease');
  await projections.report(lease, { position: { position: 0n } });
  expect(await ask('SHOW synchronous_commit')).toBe('on');
  // The function itself says so for its own transaction, whatever the connection has.
  const inItsTransaction = await ask(
    `SELECT current_setting('synchronous_commit') FROM "${test.schema}".report_projection(
       'balances', 1, ${lease.fence}, NULL, NULL, NULL, false, NULL, NULL, 0, 60000)`,
  );
  expect(inItsTransaction).toBe('off');
  expect(await ask('SHOW synchronous_commit')).toBe('on');
});
