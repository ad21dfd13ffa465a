// A transfer, as a class: its state is in its fields, and its methods raise events.
import { z } from 'zod';
import {
  type Appliers,
  BaseAggregate,
  CommandRejectedError,
  type DecideContext,
  defineAggregateClass,
  type EventTypesOf,
  json,
} from '../../src/index.js';
import { accountTag } from './account.js';
import { accountEvents, Cents, type TransferDetails } from './account-events.js';
import { clearing, teller } from './policies.js';
import { transferEvents } from './transfer-events.js';

export class Transfer extends BaseAggregate<typeof transferEvents> {
  static readonly type = 'Transfer';
  static readonly events = transferEvents;

  status: 'NEW' | 'STARTED' | 'SETTLED' | 'FAILED' = 'NEW';
  /** Why it failed. */
  reason = '';

  protected override appliers(): Appliers<EventTypesOf<typeof transferEvents>> {
    return {
      TransferStarted: () => {
        this.status = 'STARTED';
      },
      TransferSettled: () => {
        this.status = 'SETTLED';
      },
      TransferFailed: ({ payload }) => {
        this.status = 'FAILED';
        this.reason = payload.reason;
      },
    };
  }

  start(details: TransferDetails & { readonly branch: string }): void {
    this.raise('TransferStarted', details);
  }

  settle(): void {
    this.#refuseEnded();
    this.raise('TransferSettled', {});
  }

  fail(reason: string): void {
    this.#refuseEnded();
    this.raise('TransferFailed', { reason });
  }

  #refuseEnded(): void {
    if (this.status !== 'STARTED')
      throw new CommandRejectedError('ENDED', `The transfer is ${this.status.toLowerCase()}`);
  }
}

export const transfer = defineAggregateClass(Transfer, {
  commands: {
    StartTransfer: {
      data: json(
        z.object({
          branch: z.string().min(1),
          from: z.string().min(1),
          to: z.string().min(1),
          amount: Cents,
        }),
      ),
      existence: 'MUST_NOT_EXIST',
      policies: [teller],
      handle: async (aggregate, data, context) => {
        const { branch, from, to } = data;
        if (from === to)
          throw new CommandRejectedError('SAME_ACCOUNT', 'A transfer needs two accounts', {
            code: 'INVALID_ARGUMENT',
          });
        if ((await branchOf(from, context)) !== branch)
          throw new CommandRejectedError('OTHER_BRANCH', `Account ${from} is not one of branch ${branch}`, {
            code: 'PERMISSION_DENIED',
          });
        await branchOf(to, context);
        aggregate.start({ ...data, transferId: context.aggregate.aggregateId });
        // An account that was opened stays so: nothing that may come makes this decision wrong.
        return { condition: 'NONE' };
      },
    },
    SettleTransfer: {
      data: json(z.object({})),
      existence: 'MUST_EXIST',
      policies: [clearing],
      handle: (aggregate) => aggregate.settle(),
    },
    FailTransfer: {
      data: json(z.object({ reason: z.string().min(1) })),
      existence: 'MUST_EXIST',
      policies: [clearing],
      handle: (aggregate, { reason }) => aggregate.fail(reason),
    },
  },
});

/** Looked up in the log, since it is another aggregate's. */
async function branchOf(accountId: string, context: DecideContext<EventTypesOf<typeof transferEvents>>) {
  const opened = { eventTypes: ['AccountOpened'], tags: [accountTag(accountId)] };
  const [event] = await context.query(opened, accountEvents);
  if (event?.eventType !== 'AccountOpened')
    throw new CommandRejectedError('NO_SUCH_ACCOUNT', `There is no account ${accountId}`, {
      code: 'NOT_FOUND',
    });
  return event.payload.branch;
}
