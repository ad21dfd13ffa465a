import { createHash } from 'node:crypto';
import { z } from 'zod';
import { policy } from '../../src/auth/policy.js';
import type { EventTypesOf } from '../../src/commands/aggregate.js';
import { AggregateManager, type AggregateManagerOptions } from '../../src/commands/aggregate-manager.js';
import { type Appliers, BaseAggregate } from '../../src/commands/base-aggregate.js';
import { CommandRegistry } from '../../src/commands/command-registry.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { defineAggregateClass } from '../../src/commands/define-aggregate-class.js';
import { CommandRejectedError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';

export const accountEvents = eventTypes()
  .register('Opened', { codec: json<{ owner: string }>() })
  .register('Deposited', { codec: json<{ amount: number }>() })
  .register('Withdrawn', { codec: json<{ amount: number }>() });

const Amount = z.object({ amount: z.number().positive() });

/** An account in the decider style. */
export const account = defineAggregate({
  type: 'Account',
  events: accountEvents,
  initialState: { owner: '', balance: 0 },
  evolve: (state, event) => {
    switch (event.eventType) {
      case 'Opened':
        return { ...state, owner: event.payload.owner };
      case 'Deposited':
        return { ...state, balance: state.balance + event.payload.amount };
      case 'Withdrawn':
        return { ...state, balance: state.balance - event.payload.amount };
    }
  },
  snapshots: { every: 10 },
  commands: {
    Open: {
      data: json(z.object({ owner: z.string().min(1) })),
      existence: 'MUST_NOT_EXIST',
      policies: [policy().withRole('clerk')],
      decide: (_state, { owner }) => [
        accountEvents.encode('Opened', { owner }, { tags: [`owner:${owner}`] }),
      ],
    },
    Deposit: {
      data: json(Amount),
      existence: 'MUST_EXIST',
      policies: [policy().withRole('clerk'), policy().withRole('teller').withScope('branch')],
      decide: (_state, { amount }) => [accountEvents.encode('Deposited', { amount })],
    },
    Withdraw: {
      data: json(Amount),
      existence: 'MUST_EXIST',
      decide: ({ balance }, { amount }) => {
        if (amount > balance)
          throw new CommandRejectedError('INSUFFICIENT_FUNDS', `There are only ${balance}`, {
            facts: { balance: String(balance) },
          });
        return [accountEvents.encode('Withdrawn', { amount })];
      },
    },
    Touch: { data: json<object>(), decide: () => [] },
    OpenUnique: {
      data: json<{ owner: string }>(),
      existence: 'MUST_NOT_EXIST',
      decide: async (_state, { owner }, context) => {
        const [taken] = await context.query({ tags: [`owner:${owner}`] });
        if (taken) throw new CommandRejectedError('TAKEN', `${owner} has one`, { code: 'ALREADY_EXISTS' });
        return [accountEvents.encode('Opened', { owner }, { tags: [`owner:${owner}`] })];
      },
    },
  },
});

/** The same in the class style. */
export class Till extends BaseAggregate<typeof accountEvents> {
  static readonly type = 'Till';
  static readonly events = accountEvents;
  owner = '';
  balance = 0;
  readonly movements: number[] = [];

  protected override appliers(): Appliers<EventTypesOf<typeof accountEvents>> {
    return {
      Opened: ({ payload }) => {
        this.owner = payload.owner;
      },
      Deposited: ({ payload }) => this.#move(payload.amount),
      Withdrawn: ({ payload }) => this.#move(-payload.amount),
    };
  }

  deposit(amount: number): void {
    this.raise('Deposited', { amount });
  }

  withdraw(amount: number): void {
    if (amount > this.balance) throw new CommandRejectedError('INSUFFICIENT_FUNDS', 'Not so much');
    this.raise('Withdrawn', { amount });
  }

  #move(amount: number): void {
    this.balance += amount;
    this.movements.push(amount);
  }
}

export const till = defineAggregateClass(Till, {
  snapshots: { every: 5 },
  commands: {
    PutIn: { data: json(Amount), handle: (one, { amount }) => one.deposit(amount) },
    TakeOut: { data: json(Amount), handle: (one, { amount }) => one.withdraw(amount) },
    Exchange: {
      data: json(Amount),
      handle: (one, { amount }) => {
        one.deposit(amount);
        one.withdraw(amount);
      },
    },
  },
});

export const registry = () => new CommandRegistry().register(account).register(till);

export const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

export const memoryStore = () => createMemoryEventStore({ runtime: systemRuntime });

/** A manager to which everybody may say everything, unless told otherwise. */
export function managerOn(
  store: EventStore,
  options: Partial<AggregateManagerOptions> = {},
): AggregateManager {
  return new AggregateManager({
    store,
    registry: registry(),
    runtime: systemRuntime,
    hash,
    everybody: true,
    ...options,
  });
}

/** A store that counts how often it is asked for what. */
export function counted(store: EventStore): { store: EventStore; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const counting = new Proxy(store, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...parameters: readonly unknown[]) => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return Reflect.apply(value, target, parameters) as unknown;
      };
    },
  });
  return { store: counting, calls };
}
