import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { commandOf, CommandRegistry } from '../../src/commands/command-registry.js';
import { BaseAggregate } from '../../src/commands/base-aggregate.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { defineAggregateClass } from '../../src/commands/define-aggregate-class.js';
import { json } from '../../src/core/json-codec.js';
import { given } from '../../src/testing/index.js';
import { account, accountEvents, managerOn, memoryStore, registry, Till, till } from './account.js';

const data = json<{ amount: number }>();
const base = { type: 'Thing', events: accountEvents, initialState: 0, evolve: (state: number) => state };
const noHandler = undefined as unknown as () => [];
const noCodec = undefined as unknown as typeof data;

describe('a mistake in a domain is told at the start, with the name of the type', () => {
  it.each<[string, () => unknown, string]>([
    [
      'an empty aggregate type',
      () => defineAggregate({ ...base, type: '', commands: {} }),
      'Aggregate type ""',
    ],
    [
      'an empty command type',
      () => defineAggregate({ ...base, commands: { '': { data, decide: () => [] } } }),
      'Command type ""',
    ],
    [
      'no factory',
      () => defineAggregate({ ...base, commands: { Go: { data: noCodec, decide: () => [] } } }),
      'Command type "Go" has no factory',
    ],
    [
      'no handler',
      () => defineAggregate({ ...base, commands: { Go: { data, decide: noHandler } } }),
      'Command type "Go" of Thing has no handler',
    ],
    [
      'snapshots every 0 events',
      () => defineAggregate({ ...base, commands: {}, snapshots: { every: 0 } }),
      'Aggregate type "Thing" has snapshots every 0',
    ],
    [
      'a class that is none',
      () => defineAggregateClass(class Odd {} as never, { commands: {} }),
      'Class Odd must extend BaseAggregate',
    ],
    [
      'an aggregate registered twice',
      () => registry().register(account),
      'Aggregate type "Account" is registered twice',
    ],
    [
      'a command registered twice',
      () =>
        registry().register(defineAggregate({ ...base, commands: { Deposit: { data, decide: () => [] } } })),
      'Command type "Deposit" is registered twice, for Account',
    ],
    [
      'an unknown aggregate',
      () => registry().registerCommand({ type: 'Nothing' }, 'Go', { data }),
      'of the aggregate type "Nothing", which is not registered',
    ],
    [
      'a handler for nothing',
      () => registry().setHandler({ type: 'Account' }, 'Go', () => []),
      'Command type "Go" is not registered',
    ],
    [
      'a command without handler at the start',
      () => managerOn(memoryStore(), { registry: registry().registerCommand(account, 'Go', { data }) }),
      'Command type "Go" has no handler',
    ],
    [
      'a command that nobody registered',
      () => registry().create('Go', {}),
      'Command type "Go" is not registered',
    ],
  ])('%s', (_, mistake, message) => {
    expect(mistake).toThrow(message);
  });
});

describe('a registry', () => {
  it('lists its command types by name, and makes commands with validated data', () => {
    const commands = registry();
    expect(commands.list().map(({ commandType }) => commandType)).toEqual([
      'Deposit',
      'Exchange',
      'Open',
      'OpenUnique',
      'PutIn',
      'TakeOut',
      'Touch',
      'Withdraw',
    ]);
    expect(commands.list().find(({ commandType }) => commandType === 'Open')).toMatchObject({
      aggregateType: 'Account',
      existence: 'MUST_NOT_EXIST',
    });
    const { data: made } = commands.create('Deposit', { amount: 1 }, { aggregateId: 'a' });
    expect(new TextDecoder().decode(made.bytes)).toBe('{"amount":1}');
    expect(() => commands.create('Deposit', { amount: -1 })).toThrow('data.amount');
  });

  it('takes commands beside those of an aggregate, and other handlers', async () => {
    const commands = registry()
      .registerCommand(account, 'Double', { data: json<{ why: string }>() })
      .setHandler(account, 'Double', (state: { balance: number }) => [
        accountEvents.encode('Deposited', { amount: state.balance }),
      ])
      .setHandler(account, 'Deposit', (_state, { amount }) => [
        accountEvents.encode('Deposited', { amount: amount * 2 }),
      ]);
    const manager = managerOn(memoryStore(), { registry: commands });
    await manager.execute(commandOf(account, 'Open', { owner: 'ada' }, { aggregateId: 'a' }));
    await manager.execute(commandOf(account, 'Deposit', { amount: 1 }, { aggregateId: 'a' }));
    await manager.execute(commands.create('Double', { why: 'interest' }, { aggregateId: 'a' }));
    expect((await manager.get(account, 'a')).state.balance).toBe(4);
  });
});

describe('types flow', () => {
  it('from the codecs to states, data and payloads', async () => {
    const manager = managerOn(memoryStore());
    const view = () => manager.get(account, 'a');
    expectTypeOf<Awaited<ReturnType<typeof view>>['state']>().toEqualTypeOf<{
      owner: string;
      balance: number;
    }>();
    const instance = () => manager.get(till, 'a');
    expectTypeOf<Awaited<ReturnType<typeof instance>>['state']>().toEqualTypeOf<Till>();
    defineAggregate({
      type: 'Typed',
      events: accountEvents,
      initialState: { total: 0 },
      evolve: (state, event) => {
        if (event.eventType === 'Opened') expectTypeOf(event.payload).toEqualTypeOf<{ owner: string }>();
        return state;
      },
      commands: {
        Add: {
          data: json(z.object({ by: z.number().default(1) })),
          decide: (state, input, context) => {
            expectTypeOf(state).toEqualTypeOf<{ total: number }>();
            expectTypeOf(input).toEqualTypeOf<{ by: number }>();
            expectTypeOf(context.now).toEqualTypeOf<bigint>();
            return [];
          },
        },
      },
    });
  });

  it('so that what is wrong does not compile', () => {
    const wrong = [
      // @ts-expect-error an amount is a number
      () => commandOf(account, 'Deposit', { amount: '1' }),
      // @ts-expect-error there is no such command
      () => commandOf(account, 'Fly', {}),
      // @ts-expect-error the payload lacks the owner
      () => accountEvents.encode('Opened', {}),
      // @ts-expect-error the handler takes other data
      () => registry().setHandler(account, 'Deposit', (_state, input: { owner: string }) => [input]),
      // @ts-expect-error the state has no such field
      () => managerOn(memoryStore()).update(account, 'a', (state) => [state.nothing]),
      // @ts-expect-error the command takes no owner
      () => given(account).when('Deposit', { owner: 'ada' }),
    ];
    expect(wrong.length).toBe(6);
    class Wrong extends BaseAggregate<typeof accountEvents> {
      static readonly type = 'Wrong';
      static readonly events = accountEvents;
      // @ts-expect-error an applier for each event type
      protected override appliers() {
        return { Opened: () => undefined };
      }
      wrong(): void {
        // @ts-expect-error an amount is a number
        this.raise('Deposited', { amount: '1' });
      }
    }
    expect(new Wrong()).toBeInstanceOf(BaseAggregate);
    expect(new CommandRegistry().list()).toEqual([]);
  });
});
