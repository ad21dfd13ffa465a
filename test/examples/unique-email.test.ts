import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { uniqueEmail } from '../../examples/unique-email.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
let service: RunningService;
beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
  await database.close();
});

it('the example of the unique e-mail address registers one of three who want it at once', async () => {
  const lines: string[] = [];
  await uniqueEmail(service.address, (line) => lines.push(line));
  expect(lines).toEqual(['REGISTERED TAKEN TAKEN', 'UserRegistered at version 1']);
});
