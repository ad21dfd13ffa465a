import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Connection, connect, type ConnectOptions } from '../../src/client/connect.js';
import type { GroupMembership, GroupMessage } from '../../src/core/consumer-groups.js';
import {
  DeadlineExceededError,
  InvalidRequestError,
  NamespaceNotFoundError,
  OverloadedError,
  StoreUnavailableError,
} from '../../src/core/errors.js';
import { GroupExistsError, GroupNotFoundError } from '../../src/core/follower-errors.js';
import type { Event } from '../../src/core/event.js';
import { startService, until } from '../grpc/service.js';
import { type GroupLog, openGroupLog, untilTrue } from '../support/group-log.js';

let log: GroupLog;
beforeAll(async () => {
  log = await openGroupLog();
});
afterAll(() => log.close());

function connected(address: string | readonly string[], more: Partial<ConnectOptions> = {}): Connection {
  const connection = connect({ address, ...more });
  onTestFinished(() => connection.close());
  return connection;
}

/** A service, a connection to it, and a group about one aggregate type of its own. */
async function serving(events = 0, more: Partial<ConnectOptions> = {}) {
  const service = await startService(log.store, { namespaces: log.namespaces() });
  const connection = connected(service.address, more);
  const name = log.newName();
  const selection = { scope: { kind: 'AGGREGATE_TYPES' as const, aggregateTypes: [name] } };
  await connection.consumerGroups.create({ name, selection });
  const positions = await log.append(name, events);
  return { service, connection, groups: connection.consumerGroups, name, positions };
}

/** Takes messages as they come, until the membership ends. */
function taking(membership: GroupMembership, onEvents: (events: readonly Event[]) => void = () => undefined) {
  const messages: GroupMessage[] = [];
  const taken = {
    messages,
    positions: () =>
      messages.flatMap((message) =>
        message.kind === 'DELIVER'
          ? message.deliveries.flatMap(({ events }) => events.map(({ position }) => position))
          : [],
      ),
    ended: (async () => {
      for await (const message of membership.messages) {
        messages.push(message);
        if (message.kind === 'DELIVER') for (const { events } of message.deliveries) onEvents(events);
      }
    })(),
  };
  taken.ended.catch(() => undefined);
  return taken;
}

const sorted = (positions: readonly bigint[]) => [...positions].sort((a, b) => (a < b ? -1 : 1));

describe('consumer groups over a connection', () => {
  it('are made, changed, looked at, listed, moved and deleted', async () => {
    const { connection, groups } = await serving();
    const name = log.newName();
    const settings = { ackTimeoutMs: 5000, retryDelayMs: 0 };
    const request = {
      name,
      selection: { filters: [{ eventTypes: ['Moved'] }] },
      settings,
      slots: 4,
      start: { kind: 'END' as const },
    };
    const group = await groups.create(request);
    const { createdAt, created, ...rest } = group;
    expect(created).toBe(true);
    expect(createdAt).toBeGreaterThan(1_700_000_000_000_000n);
    const all = { maxAttempts: 10, maxRetryDelayMs: 60_000, ...settings };
    expect(rest).toEqual({ name, selection: request.selection, settings: all, slots: 4 });
    expect(await groups.create(request)).toEqual({ ...group, created: false });
    await expect(groups.create({ ...request, slots: 5 })).rejects.toEqual(new GroupExistsError(name));
    const updated = await groups.update({ name, settings: { maxAttempts: 2 } });
    expect(updated).toMatchObject({
      selection: request.selection,
      settings: { maxAttempts: 2, ackTimeoutMs: 60_000 },
    });
    const state = await groups.get(name);
    expect(state).toMatchObject({ group: updated, lag: 0n, members: [], parked: 0n });
    const { position: head, epoch } = await connection.eventStore.getLog();
    expect(state.position).toEqual({ position: head, epoch });
    const names: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await groups.list({ pageSize: 1, ...(pageToken === undefined ? {} : { pageToken }) });
      names.push(...page.groups.map((one) => one.name));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(names).toContain(name);
    expect(await groups.reset({ name })).toEqual({ position: 0n, epoch });
    expect(await groups.listParked({ group: name })).toEqual({ parked: [], nextPageToken: undefined });
    expect(await groups.replayParked({ group: name })).toBe(0n);
    await groups.delete(name);
    await expect(groups.get(name)).rejects.toEqual(new GroupNotFoundError(name));
    await expect(groups.join({ group: name })).rejects.toEqual(new GroupNotFoundError(name));
  });

  it('are of one namespace', async () => {
    const { connection } = await serving();
    await expect(connection.namespace('elsewhere').consumerGroups.get('g')).rejects.toBeInstanceOf(
      NamespaceNotFoundError,
    );
    await expect(
      connection.namespace('elsewhere').consumerGroups.join({ group: 'g' }),
    ).rejects.toBeInstanceOf(NamespaceNotFoundError);
  });

  it('are refused here already, where what is wrong could not be said on the wire', async () => {
    const { groups, name } = await serving();
    const wrong = [
      () => groups.create({ name: '' }),
      () => groups.create({ name, slots: 0 }),
      () => groups.create({ name, settings: { maxAttempts: 0 } }),
      () => groups.join({ group: name, maxInFlight: 0 }),
      () => groups.list({ pageSize: 0 }),
    ];
    for (const call of wrong) await expect(call()).rejects.toBeInstanceOf(InvalidRequestError);
  });
});

describe('a membership', () => {
  it('acks many at once, and is told of each which were lost', async () => {
    const { groups, name, positions } = await serving(6);
    const membership = await groups.join({ group: name, memberName: 'one' });
    expect(membership.ackTimeoutMs).toBe(60_000);
    const taken = taking(membership);
    await until(() => taken.positions().length === 6, 'all events');
    expect(sorted(taken.positions())).toEqual(positions);
    expect((await groups.get(name)).members).toMatchObject([{ memberId: membership.memberId, name: 'one' }]);
    const answers = [
      membership.ack(positions.slice(0, 3)),
      membership.ack([999_999n, ...positions.slice(3, 5)]),
      membership.nack({ position: positions[5] ?? 0n, action: { kind: 'PARK' }, reason: 'x'.repeat(5000) }),
      membership.ack([888_888n]),
    ];
    expect(await Promise.all(answers)).toEqual([[], [999_999n], [], [888_888n]]);
    const { parked } = await groups.listParked({ group: name });
    expect(parked).toMatchObject([
      { position: positions[5], reason: `${'x'.repeat(1021)}…`, replaying: false },
    ]);
    await expect(membership.ack([])).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(membership.nack({ position: 0n })).rejects.toBeInstanceOf(InvalidRequestError);
  });

  it('that is left takes no more, and ends when all is answered', async () => {
    const { groups, name } = await serving(2);
    const membership = await groups.join({ group: name, maxInFlight: 1 });
    const taken = taking(membership);
    await until(() => taken.positions().length === 1, 'an event');
    const left = membership.leave();
    expect(await membership.ack(taken.positions())).toEqual([]);
    await left;
    await taken.ended;
    expect(taken.positions().length).toBe(1);
    await expect(membership.ack(taken.positions())).rejects.toBeInstanceOf(StoreUnavailableError);
    await membership.leave();
  });

  it('follows its credit', async () => {
    const { groups, name } = await serving(10);
    const membership = await groups.join({ group: name, maxInFlight: 2 });
    const taken = taking(membership);
    await until(() => taken.positions().length === 2, 'as many as it may have');
    membership.setMaxInFlight(0);
    await membership.ack(taken.positions());
    expect(taken.positions().length).toBe(2);
    membership.setMaxInFlight(1);
    membership.setMaxInFlight(100);
    await until(() => taken.positions().length === 10, 'the rest');
  });

  it('ends with the reason of its signal, and what it had goes to others at once', async () => {
    const { groups, name } = await serving(4);
    const leaving = new AbortController();
    const membership = await groups.join({ group: name }, { signal: leaving.signal });
    const taken = taking(membership);
    await until(() => taken.positions().length === 4, 'all events');
    const reason = new Error('enough');
    leaving.abort(reason);
    await expect(taken.ended).rejects.toBe(reason);
    await expect(membership.ack(taken.positions())).rejects.toBe(reason);
    await membership.leave();
    const next = await groups.join({ group: name });
    const other = taking(next, (events) => {
      next.ack(events.map(({ position }) => position)).catch(() => undefined);
    });
    await until(() => other.positions().length === 4, 'the same events', 15_000);
    await expect(groups.join({ group: name }, { signal: leaving.signal })).rejects.toBe(reason);
  });

  it('ends with its connection', async () => {
    const { connection, groups, name } = await serving();
    const taken = taking(await groups.join({ group: name }));
    connection.close();
    await expect(taken.ended).rejects.toThrow('The connection is closed');
  });

  it('ends with the group', async () => {
    const { groups, name } = await serving();
    const taken = taking(await groups.join({ group: name }));
    await groups.delete(name);
    await expect(taken.ended).rejects.toEqual(new GroupNotFoundError(name));
  });

  it('refuses answers without end', async () => {
    const { groups, name } = await serving();
    const membership = await groups.join({ group: name });
    const many = Array.from({ length: 10_000 }, (_, index) => BigInt(index + 1_000_000));
    const answers = Array.from({ length: 10 }, () => membership.ack(many));
    await expect(membership.ack(many)).rejects.toBeInstanceOf(OverloadedError);
    expect((await Promise.all(answers)).map((lost) => lost.length)).toEqual(Array(10).fill(10_000));
  });
});

describe('a service that is away', () => {
  it('is waited for when joining, up to a time', async () => {
    const { groups, name, service } = await serving(0, { timeoutMs: 500 });
    await service.server.stop();
    await expect(groups.join({ group: name })).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it('that accepts a connection and says nothing is not waited for longer', async () => {
    const never = new Promise<never>(() => undefined);
    const namespaces = { ...log.namespaces(), open: () => never };
    const { address } = await startService(log.store, { namespaces });
    const { consumerGroups } = connected(address, { timeoutMs: 300 });
    await expect(consumerGroups.join({ group: 'g' })).rejects.toBeInstanceOf(DeadlineExceededError);
  });

  it('is replaced by another: a drain loses nothing, and one stream is never at two members', async () => {
    const one = await startService(log.store, { namespaces: log.namespaces() });
    const two = await startService(log.other.store, { namespaces: log.other.namespaces() });
    const { consumerGroups: groups } = connected([one.address, two.address]);
    const name = log.newName();
    await groups.create({
      name,
      selection: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [name] } },
    });
    const handled: Event[] = [];
    const kinds: string[] = [];
    let stopping = false;
    let current: GroupMembership | undefined;
    const consuming = (async () => {
      while (!stopping) {
        const membership = await groups.join({ group: name });
        current = membership;
        try {
          for await (const message of membership.messages) {
            kinds.push(message.kind);
            if (message.kind !== 'DELIVER') continue;
            for (const { events } of message.deliveries) {
              handled.push(...events);
              membership.ack(events.map(({ position }) => position)).catch(() => undefined);
            }
          }
        } catch (error) {
          expect(error).toBeInstanceOf(StoreUnavailableError);
        }
      }
    })();
    const positions = await log.append(name, 50, { streams: 5 });
    await until(() => handled.length > 0, 'the first events');
    const drained = one.server.drain(10_000);
    positions.push(...(await log.append(name, 50, { streams: 5 })));
    await drained;
    positions.push(...(await log.append(name, 50, { streams: 5 })));
    const all = () => new Set(handled.map(({ position }) => position)).size === 150;
    await until(all, 'all events', 20_000);
    stopping = true;
    await current?.leave();
    await consuming;
    expect(kinds).toContain('DRAINING');
    // What was answered before the drain does not come again, so nothing comes twice.
    expect(sorted(handled.map(({ position }) => position))).toEqual(positions);
    for (const id of 'abcde') {
      const versions = handled
        .filter(({ stream }) => stream.aggregateId === id)
        .map(({ version }) => version);
      expect(versions).toEqual(sorted(versions));
    }
    await untilTrue(async () => (await groups.get(name)).lag === 0n, 'no lag');
  }, 40_000);
});
