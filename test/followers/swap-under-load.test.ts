import { afterAll, expect, it } from 'vitest';
import { defineProjector } from '../../src/projections/projector.js';
import { defineReadModel } from '../../src/projections/read-model-projector.js';
import { emptyLogs } from '../support/test-database.js';
import { accountEvents, until } from '../projections/followed-log.js';
import { openReadModelDatabase } from '../projections/postgres/read-model-database.js';

const logs = emptyLogs();
afterAll(() => logs.close());

it('while events come without a pause, what is built takes the place of what another runner goes on with', async () => {
  const test = await openReadModelDatabase(logs);
  const balance = (version: number) =>
    defineReadModel({
      name: 'balance',
      version,
      schema: test.schema,
      events: accountEvents,
      init: async (client) => {
        await client.query('CREATE TABLE balance (amount bigint NOT NULL)');
        await client.query('INSERT INTO balance VALUES (0)');
      },
      on: {
        Deposited: (client, { payload }) =>
          client.query('UPDATE balance SET amount = amount + $1', [payload.amount]),
      },
    }).work(test.pool, { checkpointSchema: test.checkpointSchema });
  const sum = (version: number) =>
    defineProjector({
      name: 'sum',
      version,
      events: accountEvents,
      initialState: () => 0,
      on: { Deposited: (state, { payload }) => state + payload.amount },
    });
  const first = [test.run(balance(1)), test.run(sum(1).work(test.projections))];
  const deposited = await test.deposit('a', 1);
  for (const running of first) await running.waitFor(deposited, { timeoutMilliseconds: 20_000 });

  let writing = true;
  const written = (async () => {
    while (writing) await test.deposit('a', 1);
    return test.deposit('a', 1);
  })();
  test.run(balance(2));
  test.run(sum(2).work(test.projections));
  const versionOf = async (name: string) => (await test.projections.get(name)).live.definitionVersion;
  try {
    await until(async () => (await versionOf('balance')) === 2 && (await versionOf('sum')) === 2);
  } finally {
    writing = false;
  }
  const position = await written;
  await test.projections.waitFor('balance', { position }, { timeoutMilliseconds: 20_000 });
  expect(await test.rows(`SELECT amount::text FROM "${test.schema}".balance`)).toEqual([
    { amount: String(position) },
  ]);
  const minPosition = { position };
  const { state } = await sum(2).stateOf(test.projections, { minPosition, timeoutMilliseconds: 20_000 });
  expect(state).toBe(Number(position));
  await test.close();
});
