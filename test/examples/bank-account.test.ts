import { describe, it } from 'vitest';
import { account, accountTag } from '../../examples/bank/account.js';
import { accountEvents, type TransferDetails } from '../../examples/bank/account-events.js';
import { transfer } from '../../examples/bank/transfer.js';
import { transferEvents } from '../../examples/bank/transfer-events.js';
import { given, type GivenElsewhere, TEST_AGGREGATE } from '../../src/testing/index.js';

const opened = accountEvents.encode(
  'AccountOpened',
  { branch: 'north', owner: 'ada', limit: 500 },
  { tags: [accountTag(TEST_AGGREGATE)] },
);
const deposited = (amount: number) => accountEvents.encode('Deposited', { amount });
const frozen = accountEvents.encode('AccountFrozen', { because: 'a court says so' });

describe('an account of the bank, by given, when, then', () => {
  it('is opened with the usual limit', () =>
    given(account)
      .when('OpenAccount', { branch: 'north', owner: 'ada' })
      .then(accountEvents.encode('AccountOpened', { branch: 'north', owner: 'ada', limit: 100_000 })));

  it('is opened once', () =>
    given(account, opened)
      .when('OpenAccount', { branch: 'north', owner: 'bob' })
      .thenFails('WRONG_EXPECTED_VERSION'));

  it('takes no deposit before it is opened', () =>
    given(account).when('Deposit', { branch: 'north', amount: 1 }).thenFails('STREAM_NOT_FOUND'));

  it('takes a deposit', () =>
    given(account, opened).when('Deposit', { branch: 'north', amount: 100 }).then(deposited(100)));

  it('takes no deposit of nothing', () =>
    given(account, opened).when('Deposit', { branch: 'north', amount: 0 }).thenFails('INVALID_REQUEST'));

  it('pays out what is there', () =>
    given(account, opened, deposited(100))
      .when('Withdraw', { branch: 'north', amount: 100 })
      .then(accountEvents.encode('Withdrawn', { amount: 100 })));

  it('pays out no more than is there', () =>
    given(account, opened, deposited(100))
      .when('Withdraw', { branch: 'north', amount: 101 })
      .thenRejected('INSUFFICIENT_FUNDS'));

  it('pays out no more than the limit at a time', () =>
    given(account, opened, deposited(1000))
      .when('Withdraw', { branch: 'north', amount: 501 })
      .thenRejected('OVER_LIMIT'));

  it('pays out nothing while it is frozen', () =>
    given(account, opened, deposited(100), frozen)
      .when('Withdraw', { branch: 'north', amount: 1 })
      .thenRejected('FROZEN'));

  it('is not touched in the name of another branch', () =>
    given(account, opened).when('Deposit', { branch: 'south', amount: 1 }).thenRejected('OTHER_BRANCH'));

  it('comes to nothing when it is frozen twice', () =>
    given(account, opened, frozen).when('FreezeAccount', { branch: 'north', because: 'again' }).then());

  it('comes to nothing when it is released without being frozen, or given the limit that it has', async () => {
    await given(account, opened).when('ReleaseAccount', { branch: 'north' }).then();
    await given(account, opened).when('ChangeLimit', { branch: 'north', limit: 500 }).then();
  });

  const details: TransferDetails = { transferId: 't', from: TEST_AGGREGATE, to: 'other', amount: 100 };

  it('says as an event that it takes part in a transfer, or not', async () => {
    await given(account, opened, deposited(100))
      .when('DebitForTransfer', details)
      .then(accountEvents.encode('TransferDebited', details));
    await given(account, opened)
      .when('DebitForTransfer', details)
      .then(accountEvents.encode('TransferDebitRefused', { ...details, reason: 'INSUFFICIENT_FUNDS' }));
    await given(account, opened, frozen)
      .when('CreditForTransfer', { ...details, from: 'other', to: TEST_AGGREGATE })
      .then(
        accountEvents.encode('TransferCreditRefused', {
          ...details,
          from: 'other',
          to: TEST_AGGREGATE,
          reason: 'FROZEN',
        }),
      );
  });

  it('takes no step that is for another account', () =>
    given(account, opened).when('CreditForTransfer', details).thenRejected('OTHER_ACCOUNT'));
});

describe('a transfer of the bank, by given, when, then', () => {
  const openedElsewhere = (aggregateId: string, branch: string): GivenElsewhere => ({
    stream: { aggregateType: 'Account', aggregateId },
    events: [
      accountEvents.encode(
        'AccountOpened',
        { branch, owner: 'ada', limit: 500 },
        { tags: [accountTag(aggregateId)] },
      ),
    ],
  });
  const wish = { branch: 'north', from: 'a', to: 'b', amount: 100 };
  const started = transferEvents.encode('TransferStarted', { ...wish, transferId: TEST_AGGREGATE });

  it('starts between two accounts, of which the first is of the branch', () =>
    given(transfer)
      .elsewhere(openedElsewhere('a', 'north'), openedElsewhere('b', 'south'))
      .when('StartTransfer', wish)
      .then(started));

  it('does not start from the account of another branch', () =>
    given(transfer)
      .elsewhere(openedElsewhere('a', 'south'), openedElsewhere('b', 'south'))
      .when('StartTransfer', wish)
      .thenRejected('OTHER_BRANCH'));

  it('does not start to an account that is not there', () =>
    given(transfer)
      .elsewhere(openedElsewhere('a', 'north'))
      .when('StartTransfer', wish)
      .thenRejected('NO_SUCH_ACCOUNT'));

  it('does not start from an account to itself', () =>
    given(transfer)
      .when('StartTransfer', { ...wish, to: 'a' })
      .thenRejected('SAME_ACCOUNT'));

  it('ends once', () =>
    given(transfer, started, transferEvents.encode('TransferSettled', {}))
      .when('FailTransfer', { reason: 'FROZEN' })
      .thenRejected('ENDED'));
});
