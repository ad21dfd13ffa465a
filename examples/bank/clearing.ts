// Carries transfers from one account to the other, a step for each event.
//
// Why a process, and not one append over both accounts: a command is decided on one aggregate's state, at its version, by
// whoever has it in memory, perhaps in another process than the other account. An account of another branch may say no, or be
// slow, and the money must be somewhere meanwhile. So each account decides for itself, and what it has decided is an event.
//
// The process keeps nothing. Every command's id follows from the transfer and the step, so that a step that is
// sent again, after a crash or by a second process that follows the same log, is answered as the first time.
import {
  type Command,
  commandOf,
  type CommandParts,
  type Event,
  type EventStore,
  type LogPosition,
} from '../../src/index.js';
import { account } from './account.js';
import { accountEvents } from './account-events.js';
import { transfer } from './transfer.js';
import { transferEvents } from './transfer-events.js';

export interface ClearingOptions {
  readonly store: Pick<EventStore, 'subscribe'>;
  /** Sends a command as somebody who has the role `clearing` in the scope `bank`. */
  readonly send: (command: Command) => Promise<unknown>;
  /** @default the beginning; which is safe, and takes as long as the log is long */
  readonly after?: LogPosition;
}

const bankEvents = [
  'TransferStarted',
  'TransferDebited',
  'TransferDebitRefused',
  'TransferCredited',
  'TransferCreditRefused',
  'TransferRefunded',
];

/** Goes on until the signal is aborted; ends with the error of the step that could not be sent. */
export async function clearTransfers(options: ClearingOptions, signal: AbortSignal): Promise<void> {
  const { store, send, after } = options;
  const messages = store.subscribe(
    {
      filters: [{ eventTypes: bankEvents }],
      start: after === undefined ? { kind: 'BEGINNING' } : { kind: 'AFTER', after },
    },
    { signal },
  );
  try {
    // Each step follows from an event that stands in the log, so none has to wait for another.
    for await (const { events } of messages) {
      const steps = events.map(nextStep).filter((next) => next !== undefined);
      await Promise.all(steps.map((one) => send(one)));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What follows from an event; `undefined` if the transfer ends with it. */
function nextStep(event: Event): Command | undefined {
  if (event.eventType === 'TransferStarted') {
    const started = transferEvents.decode(event);
    if (started.eventType !== 'TransferStarted' || started.payload === undefined) return undefined;
    const { transferId, from, to, amount } = started.payload;
    const details = { transferId, from, to, amount };
    return commandOf(account, 'DebitForTransfer', details, step(event, transferId, 'debit', from));
  }
  const answer = accountEvents.decode(event);
  // Erased: nobody knows any more what it was about.
  if (answer.payload === undefined) return undefined;
  switch (answer.eventType) {
    case 'TransferDebited': {
      const { transferId, to } = answer.payload;
      return commandOf(account, 'CreditForTransfer', answer.payload, step(event, transferId, 'credit', to));
    }
    case 'TransferCreditRefused': {
      const { transferId, from } = answer.payload;
      return commandOf(account, 'RefundTransfer', answer.payload, step(event, transferId, 'refund', from));
    }
    case 'TransferCredited': {
      const { transferId } = answer.payload;
      return commandOf(transfer, 'SettleTransfer', {}, step(event, transferId, 'settle', transferId));
    }
    case 'TransferDebitRefused':
    case 'TransferRefunded': {
      const { transferId, reason } = answer.payload;
      return commandOf(transfer, 'FailTransfer', { reason }, step(event, transferId, 'fail', transferId));
    }
    default:
      return undefined;
  }
}

/** The same step of the same transfer is the same command; and it belongs to whatever the transfer began with. */
function step({ metadata }: Event, transferId: string, name: string, aggregateId: string): CommandParts {
  const { correlation_id } = metadata;
  return {
    commandId: `${transferId}/${name}`,
    aggregateId,
    ...(correlation_id === undefined ? {} : { metadata: { correlation_id } }),
  };
}
