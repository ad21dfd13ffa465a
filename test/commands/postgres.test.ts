import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandOf } from '../../src/commands/command-registry.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';
import { account, managerOn, till } from './account.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const deposit = (aggregateId: string, amount: number, commandId?: string) =>
  commandOf(account, 'Deposit', { amount }, { aggregateId, ...(commandId ? { commandId } : {}) });
const open = (aggregateId: string, commandId?: string) =>
  commandOf(account, 'Open', { owner: 'ada' }, { aggregateId, ...(commandId ? { commandId } : {}) });

describe('commands on Postgres', () => {
  it('are carried out once, however often and through how many instances they are sent', async () => {
    const second = storeOn(test);
    await second.start();
    try {
      const managers = [
        managerOn(test.store, { attempts: 100 }),
        managerOn(second, { attempts: 100 }),
      ] as const;
      await managers[0].execute(open('many'));
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          managers[index % 2 === 0 ? 0 : 1].execute(deposit('many', 1, `many-${index >> 1}`)),
        ),
      );
      expect(answers.filter(({ deduplicated }) => !deduplicated).length).toBe(100);
      expect(new Set(answers.map(({ version }) => version)).size).toBe(100);
      for (const manager of [...managers, managerOn(test.store)])
        expect((await manager.get(account, 'many')).state).toEqual({ owner: 'ada', balance: 100 });
    } finally {
      await second.stop();
    }
  });

  it('that are sent again are answered as the first time, also when refused or erased by now', async () => {
    const manager = managerOn(test.store);
    const first = await manager.execute(open('again', 'again-1'));
    const second = await manager.execute(deposit('again', 5, 'again-2'));
    expect(await managerOn(test.store).execute(open('again', 'again-1'))).toEqual({
      ...first,
      deduplicated: true,
    });
    expect(await managerOn(test.store).execute(deposit('again', 5, 'again-2'))).toEqual({
      ...second,
      deduplicated: true,
    });
    await expect(manager.execute(deposit('again', 6, 'again-2'))).rejects.toMatchObject({
      reason: 'COMMAND_ID_REUSED',
    });
    await test.store.eraseEvents({
      stream: first.aggregate,
      expectedVersion: 2n,
      versions: [{ first: 1n, last: 2n }],
    });
    expect(await manager.execute(open('again', 'again-1'))).toEqual({ ...first, deduplicated: true });
    expect((await manager.get(account, 'again')).state).toEqual({ owner: '', balance: 0 });
  });

  it('that want the same name are decided again until the domain refuses all but one', async () => {
    const managers = Array.from({ length: 4 }, () => managerOn(test.store));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) =>
        (managers[index % 4] as (typeof managers)[0]).execute(
          commandOf(account, 'OpenUnique', { owner: 'grace' }, { aggregateId: `unique-${index}` }),
        ),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ domainReason: 'TAKEN' });
  });

  it('of a deleted aggregate are refused, and it may be created anew', async () => {
    const manager = managerOn(test.store);
    const { aggregate: stream } = await manager.execute(open('lives'));
    await test.store.deleteStream({ stream, expectedVersion: 1n });
    await expect(manager.execute(deposit('lives', 1))).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
    expect(await manager.execute(open('lives', 'anew'))).toMatchObject({ version: 3n });
    expect(await manager.execute(open('lives', 'anew'))).toMatchObject({ version: 3n, deduplicated: true });
    await manager.execute(deposit('lives', 2));
    expect((await managerOn(test.store).get(account, 'lives')).state.balance).toBe(2);
  });
});

describe('snapshots on Postgres', () => {
  it('are taken by the way, and reading at a version begins with the nearest', async () => {
    const manager = managerOn(test.store);
    for (let count = 0; count < 12; count++) await manager.update(till, 'snap', (one) => one.deposit(1));
    await manager.settled();
    expect((await test.store.getSnapshot({ aggregateType: 'Till', aggregateId: 'snap' }))?.version).toBe(10n);
    const fresh = managerOn(test.store);
    expect((await fresh.get(till, 'snap')).state.movements.length).toBe(12);
    expect((await fresh.get(till, 'snap', { at: { version: 7n } })).state.balance).toBe(7);
  });
});
