import { describe, expect, it } from 'vitest';
import { commandOf } from '../../src/commands/command-registry.js';
import type { EventStore } from '../../src/core/event-store.js';
import { systemRuntime } from '../../src/system.js';
import { account, accountEvents, counted, managerOn, memoryStore, Till, till } from './account.js';

const stream = { aggregateType: 'Account', aggregateId: 'a' };
const deposited = (amount: number) => accountEvents.encode('Deposited', { amount });

async function filled(store: EventStore, count: number): Promise<void> {
  await store.append({
    streams: [
      {
        stream,
        expectedVersion: 'NO_STREAM',
        events: [
          accountEvents.encode('Opened', { owner: 'ada' }),
          ...Array.from({ length: count }, () => deposited(1)),
        ],
      },
    ],
  });
}

describe('an aggregate', () => {
  it('is read as it is in the log, whatever is kept in memory', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    await filled(store, 3);
    expect(await manager.get(account, 'a')).toMatchObject({
      stream,
      version: 4n,
      deleted: false,
      state: { owner: 'ada', balance: 3 },
      readTo: { position: 4n },
    });
    await store.append({ streams: [{ stream, expectedVersion: 4n, events: [deposited(5)] }] });
    expect((await manager.get(account, 'a')).state.balance).toBe(8);
    await expect(manager.get(account, 'b')).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    await expect(manager.get('Nothing', 'b')).rejects.toThrow('Aggregate type "Nothing" is not registered');
  });

  it('is read as it was at a version, a position or a time', async () => {
    let now = 1_000n;
    const store = memoryStore();
    const manager = managerOn(store, { runtime: { ...systemRuntime, now: () => now } });
    const other = { aggregateType: 'Account', aggregateId: 'b' };
    await filled(store, 0);
    await store.append({ streams: [{ stream: other, expectedVersion: 'ANY', events: [deposited(9)] }] });
    await store.append({ streams: [{ stream, expectedVersion: 1n, events: [deposited(1)] }] });
    const { updatedAt } = await store.getStream(stream);
    now = updatedAt + 1n;
    while (systemRuntime.now() <= now) await systemRuntime.sleep(1);
    await store.append({ streams: [{ stream, expectedVersion: 2n, events: [deposited(10)] }] });
    const at = async (when: Parameters<typeof manager.get>[2]) => {
      const { version, state } = await manager.get(account, 'a', when);
      return [version, state.balance];
    };
    expect(await at({ at: { version: 1n } })).toEqual([1n, 0]);
    expect(await at({ at: { version: 3n } })).toEqual([3n, 11]);
    expect(await at({ at: { position: 2n } })).toEqual([1n, 0]);
    expect(await at({ at: { position: 3n } })).toEqual([2n, 1]);
    expect(await at({ at: { time: updatedAt } })).toEqual([2n, 1]);
    await expect(at({ at: { time: 1n } })).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    for (const version of [0n, 4n])
      await expect(at({ at: { version } })).rejects.toMatchObject({
        reason: 'INVALID_REQUEST',
        violations: [{ field: 'version' }],
      });
  });

  it('that is deleted is read as it was when that is asked for, each life by itself', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    await filled(store, 2);
    await store.deleteStream({ stream, expectedVersion: 3n });
    await expect(manager.get(account, 'a', { at: { version: 2n } })).rejects.toMatchObject({
      reason: 'STREAM_DELETED',
    });
    const includeDeleted = true;
    expect(await manager.get(account, 'a', { includeDeleted })).toMatchObject({
      version: 4n,
      deleted: true,
      state: { balance: 2 },
    });
    expect(await manager.get(account, 'a', { includeDeleted, at: { version: 2n } })).toMatchObject({
      deleted: false,
      state: { balance: 1 },
    });
    await store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [deposited(50)] }] });
    expect(await manager.get(account, 'a', { includeDeleted })).toMatchObject({
      version: 5n,
      deleted: false,
      state: { owner: '', balance: 50 },
    });
    expect((await manager.get(account, 'a')).state).toEqual({ owner: '', balance: 50 });
    await expect(manager.get(account, 'a', { at: { version: 2n } })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    });
  });

  it('is one of all of its type, but for those that are deleted', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    for (const id of ['a', 'b', 'c'])
      await manager.execute(commandOf(account, 'Open', { owner: id }, { aggregateId: id }));
    await store.deleteStream({ stream: { aggregateType: 'Account', aggregateId: 'b' }, expectedVersion: 1n });
    const owners: string[] = [];
    for await (const { state } of manager.all(account)) owners.push(state.owner);
    expect(owners).toEqual(['a', 'c']);
  });
});

describe('an update', () => {
  it('appends what a function decides, and asks it again after a conflict', async () => {
    const store = memoryStore();
    await filled(store, 1);
    const [one, other] = [managerOn(store), managerOn(store)];
    await one.get(account, 'a');
    await other.update(account, 'a', () => [deposited(10)]);
    const seen: number[] = [];
    const updated = await one.update(
      account,
      'a',
      ({ balance }) => {
        seen.push(balance);
        return [deposited(balance)];
      },
      { metadata: { why: 'interest' }, principal: { kind: 'USER', id: 'bank', bindings: [] } },
    );
    expect(seen).toEqual([1, 11]);
    expect(updated).toMatchObject({ aggregate: stream, version: 4n, position: 4n });
    expect((await one.get(account, 'a')).state.balance).toBe(22);
  });

  it('calls methods in the class style', async () => {
    const manager = managerOn(memoryStore());
    await manager.update(till, 't', (one) => one.deposit(3));
    await expect(manager.update(till, 't', (one) => one.withdraw(4))).rejects.toMatchObject({
      domainReason: 'INSUFFICIENT_FUNDS',
    });
    expect((await manager.get(till, 't')).state.balance).toBe(3);
  });

  it('gives up after a bounded number of tries, with the conflict', async () => {
    const store = memoryStore();
    await filled(store, 1);
    const manager = managerOn(store, { attempts: 3 });
    let tries = 0;
    const update = manager.update(account, 'a', async () => {
      tries += 1;
      await store.append({ streams: [{ stream, expectedVersion: 'ANY', events: [deposited(1)] }] });
      return [deposited(1)];
    });
    await expect(update).rejects.toMatchObject({ reason: 'WRONG_EXPECTED_VERSION' });
    expect(tries).toBe(3);
  });
});

describe('what is kept in memory', () => {
  it('decides without a read, and what it refuses is verified by one', async () => {
    const { store, calls } = counted(memoryStore());
    const manager = managerOn(store);
    await filled(store, 5);
    const take = (amount: number) =>
      manager.execute(commandOf(account, 'Withdraw', { amount }, { aggregateId: 'a' }));
    await take(1);
    await take(1);
    expect(calls).toMatchObject({ load: 1 });
    // Another process puts in what this one does not know of.
    await store.append({ streams: [{ stream, expectedVersion: 'ANY', events: [deposited(100)] }] });
    await take(50);
    expect(calls).toMatchObject({ load: 2 });
    await expect(take(1000)).rejects.toMatchObject({ facts: { balance: '53' } });
  });

  it('is folded anew when something of it was erased', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    await filled(store, 5);
    expect((await manager.get(account, 'a')).state).toEqual({ owner: 'ada', balance: 5 });
    await store.eraseEvents({ stream, expectedVersion: 6n, versions: [{ first: 1n, last: 3n }] });
    expect((await manager.get(account, 'a')).state).toEqual({ owner: '', balance: 3 });
    await manager.execute(commandOf(account, 'Deposit', { amount: 1 }, { aggregateId: 'a' }));
    expect((await manager.get(account, 'a')).state).toEqual({ owner: '', balance: 4 });
  });

  it('is bounded: what was used longest ago is read again', async () => {
    const { store, calls } = counted(memoryStore());
    const manager = managerOn(store, { cache: { aggregates: 2 } });
    for (const id of ['a', 'b', 'c'])
      await manager.execute(commandOf(account, 'Open', { owner: id }, { aggregateId: id }));
    const before = calls['load'] ?? 0;
    const put = (aggregateId: string) =>
      manager.execute(commandOf(account, 'Deposit', { amount: 1 }, { aggregateId }));
    await put('c');
    await put('b');
    expect(calls['load']).toBe(before);
    await put('a');
    await put('c');
    expect(calls['load']).toBe(before + 2);
  });

  it('in the class style is nobody else’s to change', async () => {
    const manager = managerOn(memoryStore());
    await manager.update(till, 't', (one) => one.deposit(3));
    const { state } = await manager.get(till, 't');
    state.movements.push(99);
    state.balance = 1000;
    const exchange = commandOf(till, 'Exchange', { amount: 2 }, { aggregateId: 't' });
    expect(await manager.execute(exchange)).toMatchObject({ version: 3n });
    const now = (await manager.get(till, 't')).state;
    expect(now).toBeInstanceOf(Till);
    expect(now.movements).toEqual([3, 2, -2]);
  });
});

describe('snapshots', () => {
  it('are taken every so many events, and reading begins with the nearest', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    await manager.execute(commandOf(account, 'Open', { owner: 'ada' }, { aggregateId: 'a' }));
    for (let count = 0; count < 25; count++)
      await manager.execute(commandOf(account, 'Deposit', { amount: 1 }, { aggregateId: 'a' }));
    await manager.settled();
    expect(await store.getSnapshot(stream)).toMatchObject({ version: 20n });
    expect(await store.getSnapshot(stream, { upToVersion: 19n })).toMatchObject({ version: 10n });
    // Whatever a snapshot says is believed, which shows that it is used.
    const data = new TextEncoder().encode('{"owner":"eve","balance":1000}');
    await store.saveSnapshot(stream, { version: 15n, data, contentType: 'application/json' });
    const fresh = managerOn(store);
    expect((await fresh.get(account, 'a')).state).toEqual({ owner: 'ada', balance: 25 });
    expect((await fresh.get(account, 'a', { at: { version: 17n } })).state).toEqual({
      owner: 'eve',
      balance: 1002,
    });
    expect((await fresh.get(account, 'a', { at: { version: 15n } })).state.balance).toBe(1000);
    expect((await fresh.get(account, 'a', { at: { position: 12n } })).state.balance).toBe(11);
  });

  it('that cannot be read are passed over, and that is reported', async () => {
    const store = memoryStore();
    await filled(store, 3);
    const data = new TextEncoder().encode('no JSON');
    await store.saveSnapshot(stream, { version: 2n, data, contentType: 'application/json' });
    const reports: string[] = [];
    const manager = managerOn(store, { onFailure: (_, what) => reports.push(what) });
    expect((await manager.get(account, 'a')).state.balance).toBe(3);
    expect(reports).toEqual(['reading a snapshot of Account a']);
  });

  it('that cannot be kept are in nobody’s way', async () => {
    const reports: unknown[] = [];
    const inner = memoryStore();
    const store = new Proxy(inner, {
      get: (target, name) => {
        if (name === 'saveSnapshot') return () => Promise.reject(new Error('no room'));
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const manager = managerOn(store, { onFailure: (error) => reports.push(error) });
    await filled(store, 20);
    await manager.execute(commandOf(account, 'Deposit', { amount: 1 }, { aggregateId: 'a' }));
    await manager.settled();
    expect(reports).toEqual([new Error('no room')]);
  });

  it('that hold what is erased while they are on their way are not used', async () => {
    const inner = memoryStore();
    await filled(inner, 5);
    const data = new TextEncoder().encode('{"owner":"ada","balance":5}');
    await inner.saveSnapshot(stream, { version: 6n, data, contentType: 'application/json' });
    const store = new Proxy(inner, {
      get: (target, name) => {
        if (name === 'getSnapshot')
          return async (of: typeof stream) => {
            const snapshot = await target.getSnapshot(of);
            const versions = [{ first: 1n, last: 2n }];
            await target.eraseEvents({ stream, expectedVersion: 'ANY', versions });
            return snapshot;
          };
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    expect((await managerOn(store).get(account, 'a')).state).toEqual({ owner: '', balance: 4 });
  });

  it('of classes hold their fields', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    for (let count = 0; count < 6; count++) await manager.update(till, 't', (one) => one.deposit(1));
    await manager.settled();
    expect((await store.getSnapshot({ aggregateType: 'Till', aggregateId: 't' }))?.version).toBe(5n);
    const { state } = await managerOn(store).get(till, 't');
    expect(state).toBeInstanceOf(Till);
    expect(state.movements).toEqual([1, 1, 1, 1, 1, 1]);
    expect(new TextDecoder().decode(manager.stateAsJson('Till', state))).toBe(
      '{"owner":"","balance":6,"movements":[1,1,1,1,1,1]}',
    );
  });
});
