import { describe, expect, it } from 'vitest';
import { given, GivenWhenThenError } from '../../src/testing/index.js';
import { account, accountEvents, till } from './account.js';

const opened = accountEvents.encode('Opened', { owner: 'ada' });
const deposited = (amount: number) => accountEvents.encode('Deposited', { amount });
const withdrawn = (amount: number) => accountEvents.encode('Withdrawn', { amount });

describe('given, when, then', () => {
  it('tests the decider style', async () => {
    await given(account, opened, deposited(10)).when('Withdraw', { amount: 4 }).then(withdrawn(4));
    await given(account, opened).when('Withdraw', { amount: 4 }).thenRejected('INSUFFICIENT_FUNDS');
    await given(account).when('Withdraw', { amount: 4 }).thenFails('STREAM_NOT_FOUND');
    await given(account).when('Touch', {}).then();
  });

  it('tests the class style', async () => {
    await given(till, deposited(3)).when('Exchange', { amount: 2 }).then(deposited(2), withdrawn(2));
    await given(till, deposited(3)).when('TakeOut', { amount: 4 }).thenRejected('INSUFFICIENT_FUNDS');
  });

  it('knows what has happened elsewhere', async () => {
    const stream = { aggregateType: 'Account', aggregateId: 'other' };
    const taken = { stream, events: [{ ...opened, tags: ['owner:ada'] }] };
    await given(account).elsewhere(taken).when('OpenUnique', { owner: 'ada' }).thenRejected('TAKEN');
    await given(account)
      .elsewhere(taken)
      .when('OpenUnique', { owner: 'bob' })
      .then(accountEvents.encode('Opened', { owner: 'bob' }, { tags: ['owner:bob'] }));
  });

  it('says what was expected and what came', async () => {
    const put = () => given(account, opened).when('Deposit', { amount: 4 });
    await expect(put().then(deposited(5))).rejects.toMatchObject({
      name: 'GivenWhenThenError',
      expected: 'Deposited {"amount":5}',
      actual: 'Deposited {"amount":4}',
    });
    await expect(put().then()).rejects.toThrow(GivenWhenThenError);
    await expect(put().thenRejected('FROZEN')).rejects.toThrow(
      'expected: FROZEN\ncame: Deposited {"amount":4}',
    );
    await expect(given(account, opened).when('Withdraw', { amount: 4 }).then(withdrawn(4))).rejects.toThrow(
      'CommandRejectedError: There are only 0',
    );
  });

  it('tells who forgets to say what must come of it', async () => {
    // To await it does not even compile.
    const forgotten = given(account, opened).when('Deposit', { amount: 4 }) as unknown as Promise<void>;
    await expect(Promise.resolve(forgotten)).rejects.toThrow(
      'Say with then, thenRejected or thenFails what the command must come to',
    );
  });
});
