import type { AggregateEvent, EventTypesOf } from '../src/commands/aggregate.js';
import { defineAggregate } from '../src/commands/define-aggregate.js';
import type { NewSnapshot } from '../src/core/snapshot.js';
import { eventTypes } from '../src/core/event-types.js';
import { json } from '../src/core/json-codec.js';
import type { CommandTypeInfo } from '../src/auth/command-type.js';

/** What a command carries, and its event. */
export interface Movement {
  readonly amount: number;
}

const events = eventTypes()
  .register('MoneyDeposited', { codec: json<Movement>() })
  .register('MoneyWithdrawn', { codec: json<Movement>() });

export interface Balance {
  readonly balance: number;
}

const initialState: Balance = { balance: 0 };

function evolve(
  { balance }: Balance,
  { eventType, payload }: AggregateEvent<EventTypesOf<typeof events>>,
): Balance {
  return { balance: eventType === 'MoneyDeposited' ? balance + payload.amount : balance - payload.amount };
}

const decide = (_state: Balance, movement: Movement) => [events.encode('MoneyDeposited', movement)];
const data = json<Movement>();

/** Accounts of which no snapshot is kept … */
export const account = defineAggregate({
  type: 'Account',
  events,
  initialState,
  evolve,
  commands: { Deposit: { data, decide } },
});

/** … and those with one. */
export const keptAccount = defineAggregate({
  type: 'KeptAccount',
  events,
  initialState,
  evolve,
  // None is taken while it is measured.
  snapshots: { every: 100_000 },
  commands: { DepositKept: { data, decide } },
});

/** The same commands for a worker, by the types of the accounts. */
export const WORKER_COMMANDS: readonly CommandTypeInfo[] = [
  { commandType: 'DepositByWorker', aggregateType: account.type, existence: 'ANY', policies: [] },
  { commandType: 'DepositKeptByWorker', aggregateType: keptAccount.type, existence: 'ANY', policies: [] },
];

/** A snapshot as the service would keep it. */
export function snapshotOf(state: Balance, version: bigint): NewSnapshot {
  return { version, data: Buffer.from(JSON.stringify(state)), contentType: 'application/json' };
}
