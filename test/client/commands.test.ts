import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect, type ConnectOptions } from '../../src/client/connect.js';
import type { HandleOptions } from '../../src/client/worker.js';
import {
  CommandIdReusedError,
  CommandNotRegisteredError,
  CommandRejectedError,
  InvalidRequestError,
  PolicyDeniedError,
  StoreUnavailableError,
} from '../../src/core/errors.js';
import type { AggregateView } from '../../src/core/aggregate.js';
import { policy } from '../../src/auth/policy.js';
import { systemRuntime } from '../../src/system.js';
import { startService, until } from '../grpc/service.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';
import { Proxy } from './proxy.js';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.close());

const newId = () => systemRuntime.newEventId();
const data = (value: unknown) => ({ kind: 'JSON' as const, bytes: Buffer.from(JSON.stringify(value)) });
const deposit = (aggregateId: string, amount = 1) => ({
  commandType: 'Deposit',
  aggregateId,
  data: data({ amount }),
});

const account: HandleOptions = {
  name: 'accounts',
  commands: [{ commandType: 'Deposit', aggregateType: 'Account' }],
  decide: ({ command, events }) => {
    const { amount } = JSON.parse(Buffer.from(command.data.bytes).toString()) as { amount: number };
    if (amount <= 0) throw new InvalidRequestError([{ field: 'amount', description: 'must be positive' }]);
    if (amount > 100) throw new TypeError('A fault of the domain');
    if (events.length >= 30)
      throw new CommandRejectedError('FULL', 'It is full', {
        code: 'RESOURCE_EXHAUSTED',
        facts: { most: '30' },
      });
    return {
      events: [{ eventType: 'Deposited', data: command.data.bytes, contentType: 'application/json' }],
    };
  },
};

function connected(address: ConnectOptions['address'], options: Partial<ConnectOptions> = {}) {
  const connection = connect({ address, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

async function working(address: ConnectOptions['address'], options: Partial<HandleOptions> = {}) {
  const connection = connected(address);
  const worker = connection.handle({ ...account, ...options });
  onTestFinished(() => worker.stop());
  await worker.ready;
  return { connection, worker };
}

describe('commands of the client', () => {
  it('are decided by its worker, those of one aggregate in the order sent', async () => {
    const { address } = await startService(opened.store);
    const { connection } = await working(address);
    const id = newId();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => connection.commands.execute(deposit(id))),
    );
    expect(answers.map(({ version }) => version)).toEqual(
      Array.from({ length: 20 }, (_, index) => BigInt(index + 1)),
    );
    const aggregate = { aggregateType: 'Account', aggregateId: id };
    const views: AggregateView[] = [];
    for await (const part of connection.aggregates.get({ aggregate })) views.push(part);
    const [view] = views;
    expect(view?.info).toMatchObject({ version: 20n, exists: true });
    expect(view?.events).toHaveLength(20);
  });

  it('get an id, and are answered as the first time when it is sent again', async () => {
    const { address } = await startService(opened.store);
    const { connection } = await working(address);
    const { commands } = connection;
    const first = await commands.execute(deposit(newId()));
    expect(first.commandId).toMatch(/^[0-9a-f-]{36}$/);
    const again = { ...deposit(first.aggregate.aggregateId), commandId: first.commandId };
    expect(await commands.execute(again)).toEqual({ ...first, deduplicated: true });
    await expect(commands.execute({ ...again, data: data({ amount: 2 }) })).rejects.toThrow(
      CommandIdReusedError,
    );
  });

  it('fail with the domain’s own errors', async () => {
    const failures: unknown[] = [];
    const { address } = await startService(opened.store);
    const { connection } = await working(address, { onFailure: (error) => failures.push(error) });
    const { commands } = connection;
    const id = newId();
    await Promise.all(Array.from({ length: 30 }, () => commands.execute(deposit(id))));
    await expect(commands.execute(deposit(id))).rejects.toMatchObject({
      constructor: CommandRejectedError,
      domainReason: 'FULL',
      code: 'RESOURCE_EXHAUSTED',
      facts: { most: '30' },
    });
    await expect(commands.execute(deposit(newId(), 0))).rejects.toMatchObject({
      domainReason: 'INVALID_COMMAND',
      code: 'INVALID_ARGUMENT',
    });
    await expect(commands.execute(deposit(newId(), 101))).rejects.toMatchObject({
      domainReason: 'WORKER_FAILED',
    });
    expect(failures).toEqual([new TypeError('A fault of the domain')]);
    await expect(commands.execute({ ...deposit(id), commandType: 'Unknown' })).rejects.toThrow(
      CommandNotRegisteredError,
    );
    await expect(commands.execute({ ...deposit(id), commandId: 'a\n' })).rejects.toThrow(InvalidRequestError);
  });

  it('are carried out once, though the connection breaks again and again', async () => {
    const { address, port } = await startService(opened.store);
    await working(address);
    const proxy = await Proxy.before(port);
    const { commands } = connected(proxy.address);
    const id = newId();
    const sent = Array.from({ length: 25 }, async (_, index) => {
      await systemRuntime.sleep(index * 10);
      return commands.execute(deposit(id));
    });
    for (let cut = 0; cut < 5; cut++) {
      await systemRuntime.sleep(50);
      proxy.cut();
    }
    const answers = await Promise.all(sent);
    expect(new Set(answers.map(({ version }) => version)).size).toBe(25);
    expect((await opened.store.getStream({ aggregateType: 'Account', aggregateId: id })).version).toBe(25n);
  });

  it('are sent for the principal of the connection', async () => {
    const { address } = await startService(opened.store);
    const policies = [policy().withRole('teller').withScope('bank')];
    await working(address, { commands: [{ commandType: 'Deposit', aggregateType: 'Account', policies }] });
    const teller = connected(address, {
      principal: { id: 'ada', bindings: [{ role: 'teller', scope: 'bank' }] },
    });
    const nobody = connected(address, { principal: { id: 'é', bindings: [] } });
    const { position } = await teller.commands.execute(deposit(newId()));
    for await (const { events } of opened.store.load({ filters: [{ positions: { first: position } }] }))
      expect(events[0]?.metadata).toMatchObject({ actor: 'ada' });
    await expect(nobody.commands.execute(deposit(newId()))).rejects.toThrow(PolicyDeniedError);
    expect(await nobody.commands.explain({ commandType: 'Deposit' })).toMatchObject({ allowed: false });
    expect(await teller.commands.list()).toMatchObject([
      { command: { commandType: 'Deposit', policies }, workers: 1 },
    ]);
    expect(await teller.commands.permissionModel()).toMatchObject({ roles: ['teller'], scopes: ['bank'] });
  });
});

describe('a worker of the client', () => {
  it('is connected to each instance, so that commands may go to any', async () => {
    const second = storeOn(opened);
    await second.start();
    onTestFinished(() => second.stop());
    const one = await startService(opened.store);
    const two = await startService(second);
    await working([one.address, two.address]);
    const id = newId();
    const first = connected(one.address).commands;
    const other = connected(two.address).commands;
    await expect.poll(async () => (await other.list())[0]?.workers).toBe(1);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first : other).execute(deposit(id))),
    );
    expect(new Set(answers.map(({ version }) => version)).size).toBe(20);
  });

  it('comes back when its connection is lost', async () => {
    const { address, port } = await startService(opened.store);
    const proxy = await Proxy.before(port);
    await working(proxy.address);
    const { commands } = connected(address);
    await commands.execute(deposit(newId()));
    proxy.cut();
    expect(await commands.execute(deposit(newId()))).toMatchObject({ version: 1n });
  });

  it('that stops answers what it has, and commands wait for the next', async () => {
    const { address } = await startService(opened.store);
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let asked = 0;
    const { connection, worker } = await working(address, {
      decide: async ({ command }) => {
        asked += 1;
        await gate;
        return { events: [{ eventType: 'Deposited', data: command.data.bytes }] };
      },
    });
    const answer = connection.commands.execute(deposit(newId()));
    await until(() => asked === 1, 'the command');
    const stopped = worker.stop();
    const late = connection.commands.execute(deposit(newId()));
    go();
    expect(await answer).toMatchObject({ version: 1n });
    await stopped;
    await working(address);
    expect(await late).toMatchObject({ version: 1n });
  });

  it('that is described otherwise than another is told so', async () => {
    const { address } = await startService(opened.store);
    await working(address);
    const other = connected(address).handle({
      ...account,
      commands: [{ commandType: 'Deposit', aggregateType: 'Other' }],
    });
    await expect(other.ready).rejects.toThrow(InvalidRequestError);
    expect((await other.ended).failure).toBeInstanceOf(InvalidRequestError);
  });

  it('gives commands up when its connection is closed', async () => {
    const { address } = await startService(opened.store);
    const { connection, worker } = await working(address);
    connection.close();
    expect(await worker.ended).toEqual({});
    const { commands } = connected(address, { timeoutMs: 300 });
    await expect(commands.execute(deposit(newId()))).rejects.toThrow(StoreUnavailableError);
  });
});

describe('a watch of the client', () => {
  it('goes on after a break, without telling anything twice', async () => {
    const { port } = await startService(opened.store);
    const proxy = await Proxy.before(port);
    const { aggregates } = connected(proxy.address);
    const aggregate = { aggregateType: 'Account', aggregateId: newId() };
    const events = [{ eventType: 'Deposited', data: new Uint8Array() }];
    const append = () =>
      opened.store.append({ streams: [{ stream: aggregate, expectedVersion: 'ANY', events }] });
    const seen: bigint[] = [];
    for await (const { info } of aggregates.watch(aggregate)) {
      seen.push(info.version);
      if (info.version === 1n) proxy.cut();
      if (info.version === 3n) break;
      await append();
    }
    expect(seen).toEqual([0n, 1n, 2n, 3n]);
  });
});
