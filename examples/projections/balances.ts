// A read model in tables of one's own, and its rebuild while it is read. Needs a running service and a Postgres.
import { connect, defineReadModel, runProjection, type SqlPool, systemRuntime } from '../../src/index.js';
import { accountEvents } from './totals.js';

/** In SQL, tables are named without the schema: while they are built anew they are in another one. */
export const balances = defineReadModel({
  name: 'balances',
  schema: 'accounts',
  events: accountEvents,
  init: (client) =>
    client.query(
      'CREATE TABLE balance (account text PRIMARY KEY, owner text NOT NULL, amount bigint NOT NULL)',
    ),
  on: {
    AccountOpened: (client, { stream, payload }) =>
      client.query('INSERT INTO balance VALUES ($1, $2, 0)', [stream.aggregateId, payload.owner]),
    Deposited: (client, { stream, payload }) =>
      client.query('UPDATE balance SET amount = amount + $2 WHERE account = $1', [
        stream.aggregateId,
        payload.amount,
      ]),
  },
});

/** @param pool of the database that has the tables: a `Pool` of the package pg */
export async function runBalances(
  address: string,
  pool: SqlPool,
  print: (line: string) => void,
): Promise<void> {
  const { eventStore, projections, close } = connect({ address });
  const running = runProjection({ eventStore, projections, runtime: systemRuntime }, balances.work(pool));
  await running.ready;

  const stream = { aggregateType: 'Account', aggregateId: crypto.randomUUID() };
  const events = [
    accountEvents.encode('AccountOpened', { owner: 'ada' }),
    accountEvents.encode('Deposited', { amount: 100 }),
  ];
  const { lastPosition } = await eventStore.append({
    streams: [{ stream, expectedVersion: 'NO_STREAM', events }],
  });

  // From any process: what was appended there is in the tables.
  await projections.waitFor('balances', { position: lastPosition });
  const client = await pool.connect();
  const { rows } = await client.query('SELECT owner, amount FROM accounts.balance WHERE account = $1', [
    stream.aggregateId,
  ]);
  client.release();
  print(`${String(rows[0]?.['owner'])} has ${String(rows[0]?.['amount'])}`);

  // Fills tables beside these, compares, and waits for somebody to look.
  await projections.rebuild({ name: 'balances', waitWithSwap: true });
  let built = await projections.get('balances');
  while (built.building === undefined || built.building.position.position < lastPosition) {
    await systemRuntime.sleep(100);
    built = await projections.get('balances');
  }
  print(`generation ${built.building.generation} is built, generation ${built.live.generation} is read`);

  await projections.finishRebuild({ name: 'balances' });
  while ((await projections.get('balances')).live.generation !== built.building.generation)
    await systemRuntime.sleep(100);
  print(`generation ${built.building.generation} is read`);

  await running.stop();
  close();
}
