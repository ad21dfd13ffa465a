// The accounts that the commands are about, as the checker knows them.

export type CommandType = 'Open' | 'Deposit' | 'Split' | 'Withdraw' | 'Touch';

/** What an event of an account says, and which command it is of. */
export interface AccountEvent {
  readonly eventType: string;
  readonly amount: number;
  readonly commandId: string;
}

export interface Account {
  readonly opened: boolean;
  readonly balance: number;
}

export const UNOPENED: Account = { opened: false, balance: 0 };

export type Verdict =
  | { readonly events: readonly (readonly [string, number])[] }
  | { readonly refused: string };

/** What a command must come to. */
export function decide({ balance, opened }: Account, commandType: CommandType, amount: number): Verdict {
  if (commandType === 'Open')
    return opened ? { refused: 'WRONG_EXPECTED_VERSION' } : { events: [['Opened', 0]] };
  if (!opened) return { refused: 'STREAM_NOT_FOUND' };
  switch (commandType) {
    case 'Deposit':
      return { events: [['Deposited', amount]] };
    case 'Split':
      return {
        events: [
          ['Deposited', amount],
          ['Deposited', 1],
          ['Withdrawn', 1],
        ],
      };
    case 'Withdraw':
      return amount > balance ? { refused: 'INSUFFICIENT_FUNDS' } : { events: [['Withdrawn', amount]] };
    case 'Touch':
      return { events: [] };
  }
}

export function evolve(state: Account, { eventType, amount }: Omit<AccountEvent, 'commandId'>): Account {
  switch (eventType) {
    case 'Opened':
      return { ...state, opened: true };
    case 'Deposited':
      return { ...state, balance: state.balance + amount };
    case 'Withdrawn':
      return { ...state, balance: state.balance - amount };
    default:
      throw new RangeError(`${eventType} is no event of an account`);
  }
}
