import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandOf } from '../../src/commands/command-registry.js';
import type { HeadwaterError } from '../../src/core/errors.js';
import type { NewEvent } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';
import { account, accountEvents, managerOn, till } from './account.js';

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

/** The store as one who cannot give an aggregate in one go. */
function pieceByPiece(store: EventStore): EventStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'loadAggregate') return undefined;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

describe('aggregates that nobody has read', () => {
  const coldTill = async (id: string) => {
    const views = [test.store, pieceByPiece(test.store)].map(async (store) => {
      const view = await managerOn(store)
        .get(till, id)
        .catch((error: unknown) => (error as HeadwaterError).reason);
      return typeof view === 'string' ? view : { ...view, readTo: undefined };
    });
    const [atOnce, inPieces] = await Promise.all(views);
    expect(atOnce).toEqual(inPieces);
    return atOnce;
  };

  it('are the same in one go as piece by piece, whatever has become of them', async () => {
    const stream = { aggregateType: 'Till', aggregateId: 'cold' };
    const change = { stream, expectedVersion: 'ANY' } as const;
    const manager = managerOn(test.store);
    expect(await coldTill('cold')).toBe('STREAM_NOT_FOUND');
    const put = async (times: number) => {
      for (let count = 0; count < times; count++) await manager.update(till, 'cold', (one) => one.deposit(1));
      await manager.settled();
    };
    await put(3);
    expect(await coldTill('cold')).toMatchObject({ version: 3n, state: { balance: 3 } });
    await put(9);
    expect(await coldTill('cold')).toMatchObject({ version: 12n, state: { balance: 12 } });
    await test.store.truncateStream({ ...change, beforeVersion: 11n });
    expect(await coldTill('cold')).toMatchObject({ version: 13n, state: { balance: 12 } });
    await test.store.eraseEvents({ ...change, versions: [{ first: 12n, last: 12n }] });
    expect(await coldTill('cold')).toMatchObject({ version: 14n });
    await put(2);
    await test.store.setRetention({ ...change, retention: { maxCount: 1n } });
    await coldTill('cold');
    await test.store.deleteStream(change);
    expect(await coldTill('cold')).toBe('STREAM_DELETED');
    await test.store.append({
      streams: [
        { stream, expectedVersion: 'NO_STREAM', events: [accountEvents.encode('Deposited', { amount: 7 })] },
      ],
    });
    expect(await coldTill('cold')).toMatchObject({ state: { balance: 7 } });
  });

  it('are read to their end, also where they are too long for one go', async () => {
    const deposited = (amount: number) => accountEvents.encode('Deposited', { amount });
    const append = (aggregateId: string, events: readonly NewEvent[]) =>
      test.store.append({
        streams: [{ stream: { aggregateType: 'Till', aggregateId }, expectedVersion: 'ANY', events }],
      });
    await append(
      'long',
      Array.from({ length: 700 }, () => deposited(1)),
    );
    expect(await coldTill('long')).toMatchObject({ version: 700n, state: { balance: 700 } });
    const large = { ...deposited(1), data: Buffer.from(`{"amount":1,"note":"${'x'.repeat(100_000)}"}`) };
    await append('large', [large, deposited(1)]);
    expect(await coldTill('large')).toMatchObject({ version: 2n, state: { balance: 2 } });
  });

  it('are read from the beginning where their snapshot cannot be read, or is of another shape', async () => {
    const manager = managerOn(test.store);
    for (let count = 0; count < 6; count++) await manager.update(till, 'broken', (one) => one.deposit(1));
    await manager.settled();
    const stream = { aggregateType: 'Till', aggregateId: 'broken' };
    const snapshot = { version: 6n, data: Buffer.from('{'), contentType: 'application/json' };
    await test.store.saveSnapshot(stream, { ...snapshot, schemaVersion: 2 });
    expect(await coldTill('broken')).toMatchObject({ version: 6n, state: { balance: 6 } });
    await test.store.saveSnapshot(stream, snapshot);
    const failures: string[] = [];
    const watched = managerOn(test.store, { onFailure: (_, what) => failures.push(what) });
    expect((await watched.get(till, 'broken')).state.balance).toBe(6);
    expect(failures).toEqual(['reading a snapshot of Till broken']);
    expect(await coldTill('broken')).toMatchObject({ version: 6n });
  });
});
