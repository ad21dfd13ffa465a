import { afterAll, beforeAll, expect, it } from 'vitest';
import { accountEvents, typedAccount } from '../../examples/event-types.js';
import { moved, renamed, split, validated } from '../../examples/event-types-evolving.js';
import { InvalidRequestError } from '../../src/core/errors.js';
import { PayloadError } from '../../src/core/payload-errors.js';
import { storedEvent } from '../core/events.js';
import { startService } from '../grpc/service.js';
import { shownButNotIn } from './shown.js';
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

it('docs/event-types.md shows the examples as they are tested', () => {
  const examples = ['examples/event-types.ts', 'examples/event-types-evolving.ts'];
  expect(shownButNotIn('docs/event-types.md', examples)).toEqual([]);
});

const stored = (eventType: string, payload: unknown) =>
  storedEvent({ eventType, data: new TextEncoder().encode(JSON.stringify(payload)), position: 7n });

it('the evolving example validates payloads', () => {
  expect(() => validated.encode('AccountOpened', { owner: '' })).toThrow(InvalidRequestError);
  expect(() => validated.decode(stored('AccountOpened', { owner: 5 }))).toThrow(PayloadError);
});

it('the evolving example reads an event under its new name', () => {
  expect(renamed.decode(stored('AccountCreated', { name: 'ada' }))).toMatchObject({
    eventType: 'AccountOpened',
    payload: { owner: 'ada', currency: 'EUR' },
  });
});

it('the evolving example makes two events of one, and none of another', () => {
  const two = split.decodeEach(stored('Transferred', { amount: 3 }));
  expect(two.map(({ eventType, payload, position }) => [eventType, payload, position])).toEqual([
    ['Withdrawn', { amount: 3 }, 7n],
    ['Deposited', { amount: 3 }, 7n],
  ]);
  expect(split.decodeEach(stored('ScreenOpened', {}))).toEqual([]);
});

it('the evolving example reads JSON as the message that it is now', () => {
  expect(moved.decode(stored('AccountFollowed', { account: 'ada' })).payload).toMatchObject({
    $typeName: 'headwater.v1.StreamId',
    aggregateId: 'ada',
  });
});
