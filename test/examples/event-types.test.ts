import { afterAll, beforeAll, expect, it } from 'vitest';
import { accountEvents, typedAccount } from '../../examples/event-types.js';
import { startService } from '../grpc/service.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

it('the event types example reads old events in the newest shape', async () => {
  const { address } = await startService(test.store);
  const lines: string[] = [];
  await typedAccount(address, (line) => lines.push(line));
  expect(lines).toEqual(['1: opened by ada in EUR', '2: deposited 100']);
});

it('the event types example cannot write an old payload', () => {
  // @ts-expect-error the payload of version 1
  expect(accountEvents.encode('AccountOpened', { name: 'ada' }).schemaVersion).toBe(2);
});
