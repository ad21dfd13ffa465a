// An account, as a decider: its state never changes, and what a command comes to is a function of it.
import { z } from 'zod';
import {
  type AggregateEvent,
  CommandRejectedError,
  type DecideContext,
  defineAggregate,
  type EventTypesOf,
  json,
} from '../../src/index.js';
import { accountEvents, Cents, TransferDetails } from './account-events.js';
import { auditor, clearing, teller } from './policies.js';

/** Money is in whole cents. */
export interface AccountState {
  readonly branch: string;
  readonly balance: number;
  /** So much may be taken out at a time. */
  readonly limit: number;
  readonly frozen: boolean;
}

const NOT_OPENED: AccountState = { branch: '', balance: 0, limit: 0, frozen: false };

/** Every command of a person names the branch that it is about; see `policies.ts`. */
const Branch = z.object({ branch: z.string().min(1) });
const Amount = Branch.extend({ amount: Cents });

/** Accounts are found by their tag; the aggregate id is no part of a query. */
export const accountTag = (accountId: string) => `account:${accountId}`;

export const account = defineAggregate({
  type: 'Account',
  events: accountEvents,
  initialState: NOT_OPENED,
  evolve,
  snapshots: { every: 100 },
  commands: {
    OpenAccount: {
      data: json(Branch.extend({ owner: z.string().min(1), limit: Cents.default(100_000) })),
      existence: 'MUST_NOT_EXIST',
      policies: [teller],
      decide: (_state, { branch, owner, limit }, { aggregate }) => [
        accountEvents.encode(
          'AccountOpened',
          { branch, owner, limit },
          { tags: [accountTag(aggregate.aggregateId)] },
        ),
      ],
    },
    Deposit: {
      data: json(Amount),
      existence: 'MUST_EXIST',
      policies: [teller],
      decide: (state, { branch, amount }) => {
        refuseOtherBranch(state, branch);
        if (state.frozen) throw rejected('FROZEN', state);
        return [accountEvents.encode('Deposited', { amount })];
      },
    },
    Withdraw: {
      data: json(Amount),
      existence: 'MUST_EXIST',
      policies: [teller],
      decide: (state, { branch, amount }) => {
        refuseOtherBranch(state, branch);
        const reason = whyNotTaken(state, amount);
        if (reason) throw rejected(reason, state);
        return [accountEvents.encode('Withdrawn', { amount })];
      },
    },
    ChangeLimit: {
      data: json(Branch.extend({ limit: Cents })),
      existence: 'MUST_EXIST',
      policies: [auditor],
      decide: (state, { branch, limit }) => {
        refuseOtherBranch(state, branch);
        // Nothing to do is no refusal: the command is done, and has no event.
        return state.limit === limit ? [] : [accountEvents.encode('LimitChanged', { limit })];
      },
    },
    FreezeAccount: {
      data: json(Branch.extend({ because: z.string().min(1) })),
      existence: 'MUST_EXIST',
      policies: [auditor],
      decide: (state, { branch, because }) => {
        refuseOtherBranch(state, branch);
        return state.frozen ? [] : [accountEvents.encode('AccountFrozen', { because })];
      },
    },
    ReleaseAccount: {
      data: json(Branch),
      existence: 'MUST_EXIST',
      policies: [auditor],
      decide: (state, { branch }) => {
        refuseOtherBranch(state, branch);
        return state.frozen ? [accountEvents.encode('AccountReleased', {})] : [];
      },
    },

    // The steps of a transfer (clearing.ts). That the account will not take part is an event and no refusal: a step that is
    // repeated years later must come to what it came to then, and refusals are not kept.
    DebitForTransfer: {
      data: json(TransferDetails),
      existence: 'MUST_EXIST',
      policies: [clearing],
      decide: (state, transfer, context) => {
        refuseOtherAccount(transfer.from, context);
        const reason = whyNotTaken(state, transfer.amount);
        return reason
          ? [accountEvents.encode('TransferDebitRefused', { ...transfer, reason })]
          : [accountEvents.encode('TransferDebited', transfer)];
      },
    },
    CreditForTransfer: {
      data: json(TransferDetails),
      existence: 'MUST_EXIST',
      policies: [clearing],
      decide: (state, transfer, context) => {
        refuseOtherAccount(transfer.to, context);
        return state.frozen
          ? [accountEvents.encode('TransferCreditRefused', { ...transfer, reason: 'FROZEN' })]
          : [accountEvents.encode('TransferCredited', transfer)];
      },
    },
    RefundTransfer: {
      data: json(TransferDetails.extend({ reason: z.string().min(1) })),
      existence: 'MUST_EXIST',
      policies: [clearing],
      decide: (_state, transfer, context) => {
        refuseOtherAccount(transfer.from, context);
        return [accountEvents.encode('TransferRefunded', transfer)];
      },
    },
  },
});

function evolve(
  state: AccountState,
  { eventType, payload }: AggregateEvent<EventTypesOf<typeof accountEvents>>,
): AccountState {
  switch (eventType) {
    case 'AccountOpened':
      return { ...state, branch: payload.branch, limit: payload.limit };
    case 'LimitChanged':
      return { ...state, limit: payload.limit };
    case 'AccountFrozen':
      return { ...state, frozen: true };
    case 'AccountReleased':
      return { ...state, frozen: false };
    case 'Deposited':
    case 'TransferCredited':
    case 'TransferRefunded':
      return { ...state, balance: state.balance + payload.amount };
    case 'Withdrawn':
    case 'TransferDebited':
      return { ...state, balance: state.balance - payload.amount };
    case 'TransferDebitRefused':
    case 'TransferCreditRefused':
      return state;
  }
}

type Refusal = 'FROZEN' | 'OVER_LIMIT' | 'INSUFFICIENT_FUNDS';

function whyNotTaken({ frozen, limit, balance }: AccountState, amount: number): Refusal | undefined {
  if (frozen) return 'FROZEN';
  if (amount > limit) return 'OVER_LIMIT';
  return amount > balance ? 'INSUFFICIENT_FUNDS' : undefined;
}

function rejected(reason: Refusal, { balance, limit }: AccountState): CommandRejectedError {
  switch (reason) {
    case 'FROZEN':
      return new CommandRejectedError(reason, 'The account is frozen');
    case 'OVER_LIMIT':
      return new CommandRejectedError(reason, `No more than ${limit} at a time`, {
        facts: { limit: String(limit) },
      });
    case 'INSUFFICIENT_FUNDS':
      return new CommandRejectedError(reason, `There are only ${balance} in the account`, {
        facts: { balance: String(balance) },
      });
  }
}

/** The policy believed the command; here it is compared with the account. */
function refuseOtherBranch(state: AccountState, branch: string): void {
  if (state.branch !== branch)
    throw new CommandRejectedError('OTHER_BRANCH', `The account is not one of branch ${branch}`, {
      code: 'PERMISSION_DENIED',
    });
}

function refuseOtherAccount(accountId: string, { aggregate }: Pick<DecideContext, 'aggregate'>): void {
  if (aggregate.aggregateId !== accountId)
    throw new CommandRejectedError('OTHER_ACCOUNT', `This step is for account ${accountId}`, {
      code: 'INVALID_ARGUMENT',
    });
}
