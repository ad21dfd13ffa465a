// The bank in one's own process, over whatever store: in memory, on Postgres, or a service far away that only stores.
import { createHash } from 'node:crypto';
import {
  AggregateManager,
  commandOf,
  CommandRejectedError,
  type EventStore,
  systemRuntime,
} from '../../src/index.js';
import { account } from './account.js';
import { domain } from './domain.js';

export async function bankInProcess(store: EventStore, print: (line: string) => void): Promise<void> {
  const manager = new AggregateManager({
    store,
    registry: domain,
    runtime: systemRuntime,
    hash: (bytes) => createHash('sha256').update(bytes).digest(),
  });
  const bindings = [{ role: 'teller', scope: 'branch', resource: 'north' }];
  const tina = { kind: 'USER', id: 'tina', bindings } as const;

  // A command without aggregate id is about a new one.
  const open = commandOf(account, 'OpenAccount', { branch: 'north', owner: 'ada' });
  const { aggregate } = await manager.execute(open, { principal: tina });
  const { aggregateId } = aggregate;

  const deposit = commandOf(account, 'Deposit', { branch: 'north', amount: 100 }, { aggregateId });
  const { version } = await manager.execute(deposit, { principal: tina });
  print(`at version ${version}`);

  // The domain refuses in its own words.
  const withdraw = commandOf(account, 'Withdraw', { branch: 'north', amount: 500 }, { aggregateId });
  try {
    await manager.execute(withdraw, { principal: tina });
  } catch (error) {
    if (!(error instanceof CommandRejectedError)) throw error;
    print(`${error.domainReason}: ${error.message}, ${JSON.stringify(error.facts)}`);
  }

  // Now, and as it was.
  const now = await manager.get(account, aggregateId);
  const then = await manager.get(account, aggregateId, { at: { version: 1n } });
  print(`${now.state.balance} now, ${then.state.balance} then`);
  await manager.settled();
}
