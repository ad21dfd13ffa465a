import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account } from '../../examples/bank/account.js';
import { accountEvents } from '../../examples/bank/account-events.js';
import { clearTransfers } from '../../examples/bank/clearing.js';
import { domain } from '../../examples/bank/domain.js';
import { transfer } from '../../examples/bank/transfer.js';
import {
  AggregateManager,
  commandOf,
  type CommandParts,
  type EventStore,
  systemRuntime,
} from '../../src/index.js';
import { loaded } from '../../src/testing/index.js';
import { HOSTS, refusalOf, type RunningDomain, userWith } from './domain-hosts.js';

const tellerNorth = userWith('tina', 'teller in branch on north');
const tellerSouth = userWith('tom', 'teller in branch on south');
const auditorNorth = userWith('andy', 'auditor in branch on north');
const headAuditor = userWith('hannah', 'auditor in branch');
const clearingHouse = userWith('clearing', 'clearing in bank');

describe.each(HOSTS)('the bank, $host', ({ run }) => {
  let bank: RunningDomain;
  beforeAll(async () => {
    bank = await run({ name: 'bank', domain });
  });
  afterAll(() => bank.close());

  const open = async (branch: 'north' | 'south', balance = 0) => {
    const teller = branch === 'north' ? tellerNorth : tellerSouth;
    const { aggregate } = await bank.send(
      teller,
      commandOf(account, 'OpenAccount', { branch, owner: 'ada' }),
    );
    const { aggregateId } = aggregate;
    if (balance > 0)
      await bank.send(teller, commandOf(account, 'Deposit', { branch, amount: balance }, { aggregateId }));
    return aggregateId;
  };
  const deposit = (branch: string, aggregateId: string, as = tellerNorth) =>
    refusalOf(bank.send(as, commandOf(account, 'Deposit', { branch, amount: 10 }, { aggregateId })));
  const withdraw = (amount: number, aggregateId: string, parts: CommandParts = {}) =>
    bank.send(
      tellerNorth,
      commandOf(account, 'Withdraw', { branch: 'north', amount }, { ...parts, aggregateId }),
    );
  const freeze = (branch: string, aggregateId: string, as = auditorNorth) =>
    refusalOf(
      bank.send(
        as,
        commandOf(account, 'FreezeAccount', { branch, because: 'to be looked at' }, { aggregateId }),
      ),
    );
  const balanceOf = (id: string) =>
    stateOf(bank.store)
      .get(account, id)
      .then(({ state }) => state.balance);

  describe('by branch', () => {
    it('lets a teller of a branch touch the accounts of that branch, and no others', async () => {
      const [north, south] = [await open('north'), await open('south')];
      expect(await deposit('north', north)).toBe('done: Account is at version 2');
      // Who says the truth is refused by the policy, who does not by the account.
      expect(await deposit('south', south)).toBe('POLICY_DENIED');
      expect(await deposit('north', south)).toBe('PERMISSION_DENIED OTHER_BRANCH');
      expect(await deposit('south', south, tellerSouth)).toBe('done: Account is at version 2');
    });

    it('lets an auditor freeze accounts and move no money', async () => {
      const [north, south] = [await open('north'), await open('south')];
      expect(await deposit('north', north, auditorNorth)).toBe('POLICY_DENIED');
      expect(await freeze('north', north, tellerNorth)).toBe('POLICY_DENIED');
      expect(await freeze('south', south)).toBe('POLICY_DENIED');
      expect(await freeze('north', north)).toBe('done: Account is at version 2');
      expect(await deposit('north', north)).toBe('FAILED_PRECONDITION FROZEN');
    });

    it('lets a binding without a branch hold in all of them', async () => {
      expect(await freeze('north', await open('north'), headAuditor)).toBe('done: Account is at version 2');
      expect(await freeze('south', await open('south'), headAuditor)).toBe('done: Account is at version 2');
    });

    it('lets no person do the work of clearing', async () => {
      const id = await open('north');
      const details = { transferId: 't', from: 'nowhere', to: id, amount: 1_000_000 };
      const credit = commandOf(account, 'CreditForTransfer', details, { aggregateId: id });
      expect(await refusalOf(bank.send(tellerNorth, credit))).toBe('POLICY_DENIED');
      expect(await refusalOf(bank.send(headAuditor, credit))).toBe('POLICY_DENIED');
    });
  });

  it('never pays out more than there is, however many want it at the same moment', async () => {
    const id = await open('north', 100);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => refusalOf(withdraw(30, id))));
    expect(outcomes.filter((outcome) => outcome.startsWith('done'))).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome.endsWith('INSUFFICIENT_FUNDS'))).toHaveLength(5);
    expect(await balanceOf(id)).toBe(10);
  });

  it('says by how much a wish goes too far', async () => {
    const id = await open('north', 100);
    await expect(withdraw(101, id)).rejects.toMatchObject({
      domainReason: 'INSUFFICIENT_FUNDS',
      facts: { balance: '100' },
    });
    await expect(withdraw(200_000, id)).rejects.toMatchObject({
      domainReason: 'OVER_LIMIT',
      facts: { limit: '100000' },
    });
  });

  it('keeps a limit that an auditor has changed', async () => {
    const id = await open('north', 100);
    const change = commandOf(account, 'ChangeLimit', { branch: 'north', limit: 50 }, { aggregateId: id });
    const { version, position } = await bank.send(auditorNorth, change);
    expect(version).toBe(3n);
    expect(await refusalOf(withdraw(51, id))).toBe('FAILED_PRECONDITION OVER_LIMIT');
    // The same limit again is done without an event.
    const again = await bank.send(auditorNorth, change);
    expect([again.version, again.position, again.deduplicated]).toEqual([3n, 0n, false]);
    expect(position).toBeGreaterThan(0n);
  });

  it('pays out once, however often the same command is sent', async () => {
    const id = await open('north', 100);
    const command = { commandId: `${id}/rent` };
    const first = await withdraw(60, id, command);
    expect(await withdraw(60, id, command)).toEqual({ ...first, deduplicated: true });
    expect(await balanceOf(id)).toBe(40);
    expect(await refusalOf(withdraw(70, id, command))).toBe('COMMAND_ID_REUSED');
  });

  it('refuses who expects another version than there is', async () => {
    const id = await open('north', 100);
    expect(await refusalOf(withdraw(1, id, { expectedVersion: 1n }))).toBe('WRONG_EXPECTED_VERSION');
    expect(await refusalOf(withdraw(1, id, { expectedVersion: 2n }))).toBe('done: Account is at version 3');
  });

  it('writes into each event who wanted it and by which command', async () => {
    const id = await open('north', 100);
    await withdraw(1, id, {
      commandId: `${id}/w`,
      metadata: { correlation_id: 'visit-7', actor: 'somebody' },
    });
    const events = await loaded(bank.store, {
      scope: { kind: 'STREAM', stream: { aggregateType: 'Account', aggregateId: id } },
    });
    expect(events.at(-1)?.metadata).toEqual({
      actor: 'tina',
      causation_id: `${id}/w`,
      command_type: 'Withdraw',
      correlation_id: 'visit-7',
    });
  });

  describe('with its clearing', () => {
    const stop = new AbortController();
    let clearing: Promise<unknown>;
    beforeAll(() => {
      const send = (command: Parameters<RunningDomain['send']>[1]) => bank.send(clearingHouse, command);
      // Two that know nothing of each other, as when one is thought dead and is not.
      clearing = Promise.all([1, 2].map(() => clearTransfers({ store: bank.store, send }, stop.signal)));
      clearing.catch(() => stop.abort());
    });
    afterAll(async () => {
      stop.abort();
      await clearing;
    });

    const start = (from: string, to: string, amount: number, branch = 'north') =>
      bank.send(
        branch === 'north' ? tellerNorth : tellerSouth,
        commandOf(transfer, 'StartTransfer', { branch, from, to, amount }),
      );
    const endOf = async (id: string) => {
      const { status, reason } = (await stateOf(bank.store).get(transfer, id)).state;
      return reason === '' ? status : `${status} ${reason}`;
    };
    const ended = async (id: string) => {
      await expect.poll(() => endOf(id), { timeout: 20_000, interval: 100 }).not.toBe('STARTED');
      return endOf(id);
    };

    it('carries money from one account to the other', async () => {
      const [from, to] = [await open('north', 100), await open('south')];
      const { aggregate } = await start(from, to, 70);
      expect(await ended(aggregate.aggregateId)).toBe('SETTLED');
      expect([await balanceOf(from), await balanceOf(to)]).toEqual([30, 70]);
    });

    it('carries nothing that is not there', async () => {
      const [from, to] = [await open('north', 100), await open('south')];
      const { aggregate } = await start(from, to, 101);
      expect(await ended(aggregate.aggregateId)).toBe('FAILED INSUFFICIENT_FUNDS');
      expect([await balanceOf(from), await balanceOf(to)]).toEqual([100, 0]);
    });

    it('gives back what the other account does not take', async () => {
      const [from, to] = [await open('north', 100), await open('south')];
      await freeze('south', to, headAuditor);
      const { aggregate } = await start(from, to, 70);
      expect(await ended(aggregate.aggregateId)).toBe('FAILED FROZEN');
      expect([await balanceOf(from), await balanceOf(to)]).toEqual([100, 0]);
    });

    it('starts no transfer from the account of another branch, or to none', async () => {
      const [from, to] = [await open('south', 100), await open('north')];
      expect(await refusalOf(start(from, to, 1))).toBe('PERMISSION_DENIED OTHER_BRANCH');
      expect(await refusalOf(start(to, 'nowhere', 1))).toBe('NOT_FOUND NO_SUCH_ACCOUNT');
      expect(await refusalOf(start(to, to, 1))).toBe('INVALID_ARGUMENT SAME_ACCOUNT');
    });

    it('loses and makes no money, however many transfers cross, and takes each step once', async () => {
      const accounts = await Promise.all(Array.from({ length: 4 }, () => open('north', 100)));
      const at = (index: number) => accounts[index % accounts.length] ?? '';
      const started = await Promise.all(
        Array.from({ length: 24 }, (_, index) => start(at(index), at(index + 1 + (index % 3)), 10 + index)),
      );
      const ends: string[] = [];
      for (const { aggregate } of started) ends.push(await ended(aggregate.aggregateId));
      expect(ends.every((end) => end === 'SETTLED' || end === 'FAILED INSUFFICIENT_FUNDS')).toBe(true);
      const balances = await Promise.all(accounts.map(balanceOf));
      expect(balances.reduce((sum, balance) => sum + balance, 0)).toBe(400);

      const filters = [{ eventTypes: ['TransferDebited', 'TransferDebitRefused'] }];
      const debits = (await loaded(bank.store, { filters })).map((event) => accountEvents.decode(event));
      const ids = debits.map(({ payload }) => payload && 'transferId' in payload && payload.transferId);
      expect(new Set(ids).size).toBe(ids.length);
    });
  });
});

/** Reads aggregates by the domain's own fold, wherever the store is. */
function stateOf(store: EventStore): AggregateManager {
  return new AggregateManager({ store, registry: domain, runtime: systemRuntime, hash: (bytes) => bytes });
}
