import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Event } from '../../src/core/event.js';
import type { AccountCommand, Answer } from './senders.js';

const ACCOUNTS = 5;
const FAR_TOO_MUCH = 1_000_000;
const EVENT_OF = { OpenAccount: 'AccountOpened', Deposit: 'Deposited', Withdraw: 'Withdrawn' };

/** Commands that open some accounts, and 200 for them: some must be refused, some come twice with the same id. */
export function accountCommands(): {
  readonly open: readonly AccountCommand[];
  readonly use: readonly AccountCommand[];
} {
  const accounts = Array.from({ length: ACCOUNTS }, () => randomUUID());
  const open = accounts.map(
    (account): AccountCommand => ({ id: randomUUID(), type: 'OpenAccount', account, data: { owner: 'ada' } }),
  );
  const once = Array.from({ length: 180 }, (_, n): AccountCommand => {
    const account = accounts[n % ACCOUNTS] ?? '';
    // Whether a small withdrawal is refused depends on what came before it; a large one always is.
    const [type, amount] =
      n % 9 === 8
        ? ['Withdraw' as const, FAR_TOO_MUCH + n]
        : n % 2 === 0
          ? ['Deposit' as const, 10 + n]
          : ['Withdraw' as const, n];
    return { id: randomUUID(), type, account, data: { amount } };
  });
  // Ten once more while the first is under way, and ten later.
  const use = [
    ...once.flatMap((command, n) => (n % 18 === 4 ? [command, command] : [command])),
    ...once.filter((_, n) => n % 18 === 13),
  ];
  return { open, use };
}

/** Whether all that was answered is what the log holds, and the other way round. */
export function expectAgreement(
  commands: readonly AccountCommand[],
  answers: readonly Answer[],
  log: readonly Event[],
): void {
  expect(answers.map(({ id }) => id).sort()).toEqual(commands.map(({ id }) => id).sort());
  const events = new Map(log.map((event) => [event.eventId, event]));
  const accounted = new Set<string>();
  for (const command of new Map(commands.map((one) => [one.id, one])).values()) {
    const all = answers.filter(({ id }) => id === command.id);
    const executed = all.flatMap((answer) => ('eventIds' in answer ? [answer] : []));
    for (const answer of all)
      if ('reason' in answer) {
        expect(answer).toMatchObject({
          reason: 'COMMAND_REJECTED',
          metadata: { domain_reason: 'INSUFFICIENT_FUNDS' },
        });
        expect(command.type).toBe('Withdraw');
        expect(Number(answer.metadata['balance'])).toBeLessThan(command.data.amount ?? 0);
      }
    if ((command.data.amount ?? 0) >= FAR_TOO_MUCH) expect(executed).toEqual([]);
    if (command.type !== 'Withdraw') expect(executed.length).toBe(all.length);
    // Every answer to the command is that of the first time; at most one says that it is not a repeat.
    expect(executed.filter(({ deduplicated }) => !deduplicated).length).toBeLessThanOrEqual(1);
    for (const { eventIds, version } of executed) {
      expect(eventIds).toEqual(executed[0]?.eventIds);
      expect(eventIds.length).toBe(1);
      const event = events.get(eventIds[0] ?? '');
      expect(event).toMatchObject({
        eventType: EVENT_OF[command.type],
        stream: { aggregateType: 'Account', aggregateId: command.account },
        version: BigInt(version),
      });
      expect(JSON.parse(Buffer.from(event?.data ?? []).toString())).toEqual(command.data);
      accounted.add(eventIds[0] ?? '');
    }
  }
  expect(log.filter(({ eventId }) => !accounted.has(eventId))).toEqual([]);
  expect(Math.min(...lowestBalances(log).values())).toBeGreaterThanOrEqual(0);
}

function lowestBalances(log: readonly Event[]): ReadonlyMap<string, number> {
  const balances = new Map<string, number>();
  const lowest = new Map<string, number>();
  for (const { data, eventType, stream } of log) {
    const { amount = 0 } = JSON.parse(Buffer.from(data).toString()) as { amount?: number };
    const balance = (balances.get(stream.aggregateId) ?? 0) + (eventType === 'Withdrawn' ? -amount : amount);
    balances.set(stream.aggregateId, balance);
    lowest.set(stream.aggregateId, Math.min(balance, lowest.get(stream.aggregateId) ?? 0));
  }
  return lowest;
}
