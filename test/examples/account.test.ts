import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { account } from '../../examples/account.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

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

it('the account example says what the README says that it does', async () => {
  const lines: string[] = [];
  await account(service.address, (line) => lines.push(line));
  expect(lines).toEqual([
    'at version 2',
    'balance 100',
    'refused: Stream Account id is at version 2, expected 1',
    'AccountOpened at version 1',
    'Deposited at version 2',
  ]);
});
