import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { runEachAccount } from '../../examples/projections/each-account.js';
import { orderEvents, runOrders, runShipping } from '../../examples/reactors/orders.js';
import { connect } from '../../src/client/connect.js';
import type { Command } from '../../src/core/command.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { shownButNotIn } from './shown.js';

const schema = newSchemaName();
let service: RunningService;
beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

it('the orders example confirms all orders, and has the one expire that is not paid', async () => {
  const lines: string[] = [];
  await runOrders(service.address, (line) => lines.push(line));
  expect(lines.slice(0, 2).sort()).toEqual(['MailRequested forgotten', 'MailRequested paid']);
  expect(lines.slice(2)).toEqual(['OrderExpired forgotten']);
});

it('the shipping example sends a command for each paid order', async () => {
  const sent: Command[] = [];
  const commands = {
    execute: async (command: Command) => {
      sent.push(command);
      const aggregate = { aggregateType: 'Parcel', aggregateId: command.aggregateId ?? '' };
      return {
        aggregate,
        version: 1n,
        position: 1n,
        epoch: 1n,
        commandId: command.commandId ?? '',
        eventIds: [],
        deduplicated: false,
      };
    },
  };
  const running = runShipping(service.address, commands);
  const { eventStore, close } = connect({ address: service.address });
  const stream = { aggregateType: 'Order', aggregateId: 'shipped' };
  const events = [orderEvents.encode('OrderPaid', { amount: 5 })];
  const { lastPosition } = await eventStore.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
  await running.waitFor(lastPosition, { timeoutMilliseconds: 20_000 });
  await running.stop();
  close();
  expect(sent.at(-1)).toMatchObject({ commandType: 'Ship', aggregateId: 'parcel-shipped' });
});

it('the example of each account has a state for each, an index, and a sum', async () => {
  const lines: string[] = [];
  await runEachAccount(service.address, (line) => lines.push(line));
  expect(lines).toEqual([
    'grace has 5020 at version 3',
    'Deposited of of-each, version 2',
    'the account was given 5020',
  ]);
});

it('docs/reactors.md shows the example as it is tested', () => {
  expect(shownButNotIn('docs/reactors.md', ['examples/reactors/orders.ts'])).toEqual([]);
});
