import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/auth/principal.js';
import { CommandExecutor } from '../../src/commands/command-executor.js';
import { commandOf } from '../../src/commands/command-registry.js';
import type { Decider } from '../../src/commands/decider.js';
import { OverloadedError } from '../../src/core/errors.js';
import { systemRuntime } from '../../src/system.js';
import { loaded } from '../../src/testing/index.js';
import { account, counted, hash, managerOn, memoryStore, till } from './account.js';

const open = (aggregateId?: string, commandId?: string) =>
  commandOf(
    account,
    'Open',
    { owner: 'ada' },
    { ...(aggregateId ? { aggregateId } : {}), ...(commandId ? { commandId } : {}) },
  );
const deposit = (aggregateId: string, amount: number, more: object = {}) =>
  commandOf(account, 'Deposit', { amount }, { aggregateId, ...more });
const withdraw = (aggregateId: string, amount: number, more: object = {}) =>
  commandOf(account, 'Withdraw', { amount }, { aggregateId, ...more });
const user = (id: string, ...bindings: { role: string; scope: string; resource?: string }[]): Principal => ({
  kind: 'USER',
  id,
  bindings,
});

describe('a command', () => {
  it('is answered with the aggregate, its version and the position', async () => {
    const manager = managerOn(memoryStore());
    expect(await manager.execute(open('a', 'c-1'))).toMatchObject({
      aggregate: { aggregateType: 'Account', aggregateId: 'a' },
      version: 1n,
      position: 1n,
      commandId: 'c-1',
      deduplicated: false,
    });
    expect(await manager.execute(deposit('a', 5))).toMatchObject({ version: 2n, position: 2n });
    expect((await manager.get(account, 'a')).state).toEqual({ owner: 'ada', balance: 5 });
  });

  it('without aggregate id makes a new aggregate with an id of its own', async () => {
    const manager = managerOn(memoryStore());
    const { aggregate } = await manager.execute(open());
    expect(aggregate.aggregateId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await manager.get(account, aggregate.aggregateId)).version).toBe(1n);
  });

  it('that nobody decides is not registered', async () => {
    const data = { kind: 'JSON', bytes: new Uint8Array(0) } as const;
    await expect(managerOn(memoryStore()).execute({ commandType: 'Fly', data })).rejects.toMatchObject({
      reason: 'COMMAND_NOT_REGISTERED',
    });
  });

  it('with data that are not as they must be is refused field by field', async () => {
    const manager = managerOn(memoryStore());
    const bytes = new TextEncoder().encode('{"owner":""}');
    const wrong = { commandType: 'Open', aggregateId: 'a', data: { kind: 'JSON', bytes } } as const;
    await expect(manager.execute(wrong)).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [{ field: 'data.owner' }],
    });
    const message = { kind: 'MESSAGE', typeName: 'type.googleapis.com/acme.Open', bytes } as const;
    await expect(manager.execute({ commandType: 'Open', data: message })).rejects.toMatchObject({
      violations: [{ field: 'data', description: 'is a acme.Open, not JSON' }],
    });
    await expect(manager.execute({ ...wrong, commandId: 'a\nb' })).rejects.toMatchObject({
      violations: [{ field: 'command_id' }],
    });
  });

  it('that the domain refuses carries its reason and facts', async () => {
    const manager = managerOn(memoryStore());
    await manager.execute(open('a'));
    await expect(manager.execute(withdraw('a', 1))).rejects.toMatchObject({
      reason: 'COMMAND_REJECTED',
      domainReason: 'INSUFFICIENT_FUNDS',
      facts: { balance: '0' },
    });
  });

  it('passes what the caller says on to its events, with who, why and from where', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    const metadata = { traceparent: '00-1', tenant: 't', actor: 'mallory' };
    await manager.execute({ ...open('a', 'c-1'), metadata }, { principal: user('ada') });
    await manager.execute(deposit('a', 1, { commandId: 'c-2', metadata: { correlation_id: 'c-0' } }));
    const [first, second] = await loaded(store);
    expect(first?.metadata).toEqual({
      traceparent: '00-1',
      tenant: 't',
      correlation_id: 'c-1',
      causation_id: 'c-1',
      command_type: 'Open',
      actor: 'ada',
    });
    expect(second?.metadata).toEqual({
      correlation_id: 'c-0',
      causation_id: 'c-2',
      command_type: 'Deposit',
    });
  });

  it('has nobody act for whom it is only claimed, and leaves the rest as it was', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    const metadata = { actor: 'mallory', tenant: 't' };
    await manager.execute({ ...open('a', 'c-1'), metadata });
    const [event] = await loaded(store);
    expect(event?.metadata).toEqual({
      tenant: 't',
      correlation_id: 'c-1',
      causation_id: 'c-1',
      command_type: 'Open',
    });
    expect(metadata).toEqual({ actor: 'mallory', tenant: 't' });
  });
});

describe('whether the aggregate is there', () => {
  it('is asked by the command', async () => {
    const manager = managerOn(memoryStore());
    await expect(manager.execute(deposit('a', 1))).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    await manager.execute(open('a'));
    await expect(manager.execute(open('a'))).rejects.toMatchObject({
      reason: 'WRONG_EXPECTED_VERSION',
      conflicts: [{ expected: 'NO_STREAM', actual: 1n }],
    });
  });

  it.each([true, false])(
    'a deleted one refuses, and may be created anew (kept in memory: %s)',
    async (hot) => {
      const store = memoryStore();
      const first = managerOn(store);
      await first.execute(open('a'));
      await first.execute(deposit('a', 7));
      await store.deleteStream({
        stream: { aggregateType: 'Account', aggregateId: 'a' },
        expectedVersion: 2n,
      });
      const manager = hot ? first : managerOn(store);
      await expect(manager.execute(deposit('a', 1))).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
      const touch = commandOf(account, 'Touch', {}, { aggregateId: 'a' });
      await expect(manager.execute(touch)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
      await expect(manager.get(account, 'a')).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
      expect(await manager.execute(open('a', 'anew'))).toMatchObject({ version: 4n });
      expect(await manager.execute(open('a', 'anew'))).toMatchObject({ version: 4n, deduplicated: true });
      expect(await manager.execute(deposit('a', 1))).toMatchObject({ version: 5n });
      expect((await manager.get(account, 'a')).state.balance).toBe(1);
      expect((await managerOn(store).get(account, 'a')).state.balance).toBe(1);
    },
  );
});

describe('an aggregate that is kept in memory', () => {
  it('and was deleted elsewhere is created anew by the first command that comes', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    const { aggregate: stream } = await manager.execute(open('a'));
    await store.deleteStream({ stream, expectedVersion: 1n });
    expect(await manager.execute(open('a'))).toMatchObject({ version: 3n, deduplicated: false });
  });

  it('and was deleted and created anew elsewhere is decided on in its new life', async () => {
    const store = memoryStore();
    const [one, other] = [managerOn(store), managerOn(store)];
    const { aggregate: stream } = await one.execute(open('a'));
    await one.execute(deposit('a', 10));
    await store.deleteStream({ stream, expectedVersion: 2n });
    await other.execute(open('a'));
    await expect(one.execute(withdraw('a', 1))).rejects.toMatchObject({ facts: { balance: '0' } });
    await other.execute(deposit('a', 3));
    expect(await one.execute(withdraw('a', 1))).toMatchObject({ version: 6n });
    expect((await one.get(account, 'a')).state.balance).toBe(2);
  });
});

describe('a command that is sent again', () => {
  it('is answered as the first time, also where it would be refused now', async () => {
    const { store, calls } = counted(memoryStore());
    const manager = managerOn(store);
    const first = await manager.execute(open('a', 'c-1'));
    await manager.execute(deposit('a', 3, { commandId: 'c-2' }));
    expect(calls['findCommand']).toBe(undefined);
    const answers = await Promise.all([
      manager.execute(open('a', 'c-1')),
      managerOn(store).execute(open('a', 'c-1')),
    ]);
    for (const answer of answers) expect(answer).toEqual({ ...first, deduplicated: true });
    expect(await manager.execute(deposit('a', 3, { commandId: 'c-2' }))).toMatchObject({
      version: 2n,
      deduplicated: true,
    });
    expect((await manager.get(account, 'a')).state.balance).toBe(3);
  });

  it('is answered as the first time when its events are truncated, and it would be refused now', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    const first = await manager.execute(open('a', 'c-1'));
    await manager.execute(deposit('a', 3));
    await store.truncateStream({ stream: first.aggregate, expectedVersion: 'ANY', beforeVersion: 2n });
    expect(await managerOn(store).execute(open('a', 'c-1'))).toEqual({ ...first, deduplicated: true });
  });

  it('finds the aggregate that the first one made', async () => {
    const manager = managerOn(memoryStore());
    const first = await manager.execute(open(undefined, 'c-1'));
    expect(await manager.execute(open(undefined, 'c-1'))).toEqual({ ...first, deduplicated: true });
  });

  it('without events is known too', async () => {
    const manager = managerOn(memoryStore());
    await manager.execute(open('a'));
    const touch = commandOf(account, 'Touch', {}, { aggregateId: 'a', commandId: 't' });
    expect(await manager.execute(touch)).toMatchObject({ version: 1n, position: 0n, deduplicated: false });
    await manager.execute(deposit('a', 1));
    expect(await manager.execute(touch)).toMatchObject({ version: 1n, position: 0n, deduplicated: true });
  });

  it('with another body is refused', async () => {
    const manager = managerOn(memoryStore());
    await manager.execute(open('a', 'c-1'));
    await manager.execute(deposit('a', 1, { commandId: 'c-2' }));
    for (const other of [
      deposit('a', 2, { commandId: 'c-2' }),
      withdraw('a', 100, { commandId: 'c-2' }),
      open('b', 'c-1'),
    ])
      await expect(manager.execute(other)).rejects.toMatchObject({ reason: 'COMMAND_ID_REUSED' });
  });

  it('after a refusal is decided anew', async () => {
    const manager = managerOn(memoryStore());
    await manager.execute(open('a'));
    await expect(manager.execute(withdraw('a', 1, { commandId: 'w' }))).rejects.toThrow();
    await manager.execute(deposit('a', 1));
    expect(await manager.execute(withdraw('a', 1, { commandId: 'w' }))).toMatchObject({
      deduplicated: false,
    });
  });

  it('after an erasure of its events still tells what it was', async () => {
    const store = memoryStore();
    const manager = managerOn(store);
    const first = await manager.execute(open('a', 'c-1'));
    await store.eraseEvents({
      stream: first.aggregate,
      expectedVersion: 1n,
      versions: [{ first: 1n, last: 1n }],
    });
    expect(await manager.execute(open('a', 'c-1'))).toEqual({ ...first, deduplicated: true });
  });
});

describe('the version that a caller expects', () => {
  it('is held, also against what is kept in memory', async () => {
    const store = memoryStore();
    const [one, other] = [managerOn(store), managerOn(store)];
    await one.execute(open('a'));
    await other.execute(deposit('a', 1));
    expect(await one.execute(deposit('a', 1, { expectedVersion: 2n }))).toMatchObject({ version: 3n });
    await expect(other.execute(deposit('a', 1, { expectedVersion: 2n }))).rejects.toMatchObject({
      reason: 'WRONG_EXPECTED_VERSION',
      conflicts: [{ expected: 2n, actual: 3n }],
    });
  });
});

describe('who may send a command', () => {
  const manager = () => managerOn(memoryStore(), { everybody: false });
  const clerk = user('c', { role: 'clerk', scope: 'system' });

  it('is said by any of its policies and any of the bindings', async () => {
    const bank = manager();
    await bank.execute(open('a'), { principal: clerk });
    const teller = user('t', { role: 'auditor', scope: '*' }, { role: 'teller', scope: 'branch' });
    await bank.execute(deposit('a', 1), { principal: teller });
    for (const principal of [
      undefined,
      user('n'),
      user('t', { role: 'teller', scope: 'system' }),
      user('a', { role: 'auditor', scope: 'branch' }),
    ])
      await expect(bank.execute(deposit('a', 1), principal ? { principal } : {})).rejects.toMatchObject({
        reason: 'POLICY_DENIED',
      });
  });

  it('a binding for one resource is good for that one only, before it is looked up', async () => {
    const bank = manager();
    const principal = user('t', { role: 'clerk', scope: 'branch', resource: 'a' });
    await bank.execute(open('a'), { principal });
    for (const id of ['b', undefined])
      await expect(bank.execute(open(id), { principal })).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
  });

  it('nobody may send a command without policies', async () => {
    await expect(manager().execute(withdraw('a', 1), { principal: clerk })).rejects.toMatchObject({
      reason: 'POLICY_DENIED',
    });
  });
});

describe('many commands at once', () => {
  it('of several processes are each carried out once', async () => {
    const store = memoryStore();
    const one = managerOn(store, { attempts: 1000 });
    const other = managerOn(store, { attempts: 1000 });
    await one.execute(open('a'));
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 === 0 ? one : other).execute(deposit('a', 1, { commandId: `d-${index >> 1}` })),
      ),
    );
    for (const manager of [one, other]) expect((await manager.get(account, 'a')).state.balance).toBe(100);
  });

  it('of one process do not meet each other', async () => {
    const { store, calls } = counted(memoryStore());
    const manager = managerOn(store, { attempts: 1 });
    await manager.execute(open('a'));
    await Promise.all(Array.from({ length: 100 }, () => manager.execute(deposit('a', 1))));
    expect(calls['append']).toBe(101);
    expect(calls['load']).toBe(1);
  });

  it('beyond the queue of one aggregate are refused', async () => {
    const manager = managerOn(memoryStore(), { queueLength: 3 });
    await manager.execute(open('a'));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => manager.execute(deposit('a', 1))),
    );
    const refused = outcomes.filter((one) => one.status === 'rejected');
    expect(refused.length).toBe(6);
    expect(refused[0]?.reason).toBeInstanceOf(OverloadedError);
    expect((await manager.get(account, 'a')).state.balance).toBe(4);
  });

  it('that wait for their turn leave when they are aborted', async () => {
    const store = memoryStore();
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const decider: Decider = {
      commandTypes: managerOn(store).decider.commandTypes,
      decide: async () => {
        await gate;
        return { version: 0n, events: [] };
      },
    };
    const executor = new CommandExecutor({ store, decider, runtime: systemRuntime, hash, everybody: true });
    const put = commandOf(till, 'PutIn', { amount: 1 }, { aggregateId: 'a' });
    const first = executor.execute(put);
    const left = new AbortController();
    const second = executor.execute(put, { signal: left.signal });
    const late = executor.execute(put, { timeoutMilliseconds: 20 });
    left.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    await expect(late).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED', outcome: 'UNKNOWN' });
    go();
    await first;
  });
});

describe('a decision that queries other streams', () => {
  it('holds only if nothing that matches has come since; then the domain refuses', async () => {
    const store = memoryStore();
    const managers = Array.from({ length: 5 }, () => managerOn(store));
    const outcomes = await Promise.allSettled(
      managers.map((manager, index) =>
        manager.execute(commandOf(account, 'OpenUnique', { owner: 'ada' }, { aggregateId: `u-${index}` })),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ domainReason: 'TAKEN', code: 'ALREADY_EXISTS' });
  });
});
