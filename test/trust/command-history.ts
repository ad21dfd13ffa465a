import type { CommandType } from './command-model.js';

// What was sent, what was answered, and what is there in the end: all that the checker of commands knows. Times are of one
// monotonic clock, in milliseconds.

/** A command as it was made; sent once or many times. */
export interface SentCommand {
  readonly commandId: string;
  readonly commandType: CommandType;
  /** `undefined` if the service is to make the id. */
  readonly account: string | undefined;
  readonly amount: number;
}

/** One call of Execute. */
export interface CommandCall {
  readonly number: number;
  /** Which service it was sent to, for messages. */
  readonly client: string;
  readonly sent: SentCommand;
  readonly invoked: number;
  /** Infinity if it never returned. */
  returned: number;
  answer: CommandAnswer;
}

export type CommandAnswer =
  | {
      readonly kind: 'EXECUTED';
      readonly account: string;
      readonly version: number;
      /** 0 if it had no events. */
      readonly position: number;
      readonly eventIds: readonly string[];
      readonly deduplicated: boolean;
    }
  /** By the domain, in its own word, or for what the command asks of its aggregate. */
  | { readonly kind: 'REFUSED'; readonly reason: string }
  /** The id belongs to another command. */
  | { readonly kind: 'REUSED' }
  | { readonly kind: 'NOT_APPLIED' | 'UNKNOWN'; readonly reason: string };

/** An event of the final log. */
export interface LoggedAccountEvent {
  readonly position: number;
  readonly account: string;
  readonly version: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly amount: number;
  /** As the worker wrote it into the data. */
  readonly commandId: string;
  /** As the service wrote it into the metadata. */
  readonly causationId: string;
}

/** A row of the ledger. */
export interface LedgerRow {
  readonly commandId: string;
  readonly commandType: string;
  readonly first: number;
  readonly last: number;
}

/** An account, as AggregateService tells of it. */
export interface ServedAccount {
  readonly version: number;
  readonly balance: number;
}

/** What is there in the end. */
export interface CommandOutcome {
  readonly log: readonly LoggedAccountEvent[];
  readonly ledger: readonly LedgerRow[];
  readonly accounts: ReadonlyMap<string, ServedAccount>;
}

export interface CommandHistory {
  readonly calls: CommandCall[];
}

/** Same id, same body: the same command. */
export function bodyOf({ account = '', amount, commandType }: SentCommand): string {
  return `${commandType} ${account} ${amount}`;
}
