import { expect, it } from 'vitest';
import type { AggregateManager } from '../../src/commands/aggregate-manager.js';
import { commandOf } from '../../src/commands/command-registry.js';
import { HeadwaterError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import { seededRandom } from '../../src/testing/index.js';
import { account, managerOn, memoryStore, till } from './account.js';

const SEQUENCES = 150;
const STEPS = 40;

/** The store as one who never finds a snapshot sees it. */
function withoutSnapshots(store: EventStore): EventStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'getSnapshot') return () => Promise.resolve(undefined);
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What became of it: a refusal is an outcome too. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HeadwaterError) return error.reason;
    throw error;
  }
}

function step(store: EventStore, manager: AggregateManager, random: () => number): Promise<unknown> {
  const of = random() < 0.5 ? 'Account' : 'Till';
  const stream = { aggregateType: of, aggregateId: 'a' };
  const parts = { aggregateId: 'a' };
  const amount = 1 + Math.floor(random() * 5);
  const dice = Math.floor(random() * 20);
  if (dice < 3) return manager.execute(commandOf(account, 'Open', { owner: `o-${amount}` }, parts));
  if (dice < 9)
    return of === 'Account'
      ? manager.execute(commandOf(account, 'Deposit', { amount }, parts))
      : manager.execute(commandOf(till, 'PutIn', { amount }, parts));
  if (dice < 12)
    return of === 'Account'
      ? manager.execute(commandOf(account, 'Withdraw', { amount }, parts))
      : manager.execute(commandOf(till, 'TakeOut', { amount }, parts));
  if (dice < 14) return manager.update(till, 'a', (one) => one.deposit(amount));
  if (dice < 16) return store.deleteStream({ stream, expectedVersion: 'ANY' });
  if (dice < 18) return store.restoreStream({ stream, expectedVersion: 'ANY' });
  const first = BigInt(amount);
  return store.eraseEvents({ stream, expectedVersion: 'ANY', versions: [{ first, last: first + 1n }] });
}

it(`what is kept in memory and in snapshots is what a replay gives, in ${SEQUENCES} stories of commands, deletions and erasures`, async () => {
  for (let seed = 1; seed <= SEQUENCES; seed++) {
    const random = seededRandom(seed);
    const store = memoryStore();
    const managers = [managerOn(store), managerOn(store)] as const;
    const replayed = () => managerOn(withoutSnapshots(store));
    for (let count = 0; count < STEPS; count++) {
      const manager = managers[random() < 0.5 ? 0 : 1];
      await outcome(step(store, manager, random));
      await manager.settled();
      if (random() < 0.5) continue;
      for (const of of [account, till]) {
        const view = async (one: AggregateManager) => {
          const answer = await outcome(one.get(of.type, 'a'));
          return typeof answer === 'string' ? answer : { ...(answer as object), readTo: undefined };
        };
        const expected = await view(replayed());
        const cold = managerOn(store);
        for (const one of [...managers, cold])
          expect(await view(one), `seed ${seed}, step ${count}, ${of.type}`).toEqual(expected);
      }
    }
  }
});
