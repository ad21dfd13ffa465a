import type {
  CommandAnswer,
  CommandCall,
  CommandHistory,
  CommandOutcome,
  LoggedAccountEvent,
  SentCommand,
} from './command-history.js';
import type { CommandType } from './command-model.js';

const account = 'account';

export function sent(commandId: string, commandType: CommandType, amount = 0): SentCommand {
  return { commandId, commandType, account, amount };
}

export function call(
  number: number,
  [invoked, returned]: readonly [number, number],
  command: SentCommand,
  answer: CommandAnswer,
): CommandCall {
  return { number, client: 'service', sent: command, invoked, returned, answer };
}

export function executed(position: number, ids: readonly string[], deduplicated = false): CommandAnswer {
  // One account, so versions are positions.
  return { kind: 'EXECUTED', account, version: position, position, eventIds: ids, deduplicated };
}

function logged(position: number, commandId: string, eventType: string, amount: number): LoggedAccountEvent {
  const facts = { account, eventType, amount, commandId, causationId: commandId };
  return { position, version: position, eventId: `event ${position}`, ...facts };
}

/**
 * Opened; a deposit whose answer was lost, and that was sent again; a split that came twice at once; a refusal, a command
 * without events, an id that was used for another, a refusal for what is there.
 */
export function rightStory(): { history: CommandHistory; outcome: CommandOutcome } {
  const deposit = sent('deposit', 'Deposit', 100);
  const split = sent('split', 'Split', 50);
  const splitIds = ['event 3', 'event 4', 'event 5'];
  const calls = [
    call(1, [0, 10], sent('open', 'Open'), executed(1, ['event 1'])),
    call(2, [20, 30], deposit, { kind: 'UNKNOWN', reason: 'STORE_UNAVAILABLE' }),
    call(3, [40, 50], deposit, executed(2, ['event 2'], true)),
    call(4, [60, 70], split, executed(5, splitIds)),
    call(5, [61, 80], split, executed(5, splitIds, true)),
    call(6, [55, 65], sent('too much', 'Withdraw', 120), { kind: 'REFUSED', reason: 'INSUFFICIENT_FUNDS' }),
    call(7, [90, 95], sent('touch', 'Touch'), { ...executed(5, []), position: 0 } as CommandAnswer),
    call(8, [90, 95], sent('deposit', 'Deposit', 101), { kind: 'REUSED' }),
    call(9, [90, 95], sent('open again', 'Open'), { kind: 'REFUSED', reason: 'WRONG_EXPECTED_VERSION' }),
    call(10, [100, 110], sent('take', 'Withdraw', 120), executed(6, ['event 6'])),
  ];
  const log = [
    logged(1, 'open', 'Opened', 0),
    logged(2, 'deposit', 'Deposited', 100),
    logged(3, 'split', 'Deposited', 50),
    logged(4, 'split', 'Deposited', 1),
    logged(5, 'split', 'Withdrawn', 1),
    logged(6, 'take', 'Withdrawn', 120),
  ];
  const ledger = [
    { commandId: 'open', commandType: 'Open', first: 1, last: 1 },
    { commandId: 'deposit', commandType: 'Deposit', first: 2, last: 2 },
    { commandId: 'split', commandType: 'Split', first: 3, last: 5 },
    { commandId: 'touch', commandType: 'Touch', first: 0, last: 0 },
    { commandId: 'take', commandType: 'Withdraw', first: 6, last: 6 },
  ];
  const accounts = new Map([[account, { version: 6, balance: 30 }]]);
  return { history: { calls }, outcome: { log, ledger, accounts } };
}
