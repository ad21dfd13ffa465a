import type { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsumerGroupService } from '../../gen/headwater/v1/consumer_group_service_pb.js';
import {
  InvalidRequestError,
  NamespaceNotFoundError,
  OverloadedError,
  StoreUnavailableError,
} from '../../src/core/errors.js';
import { GroupNotFoundError } from '../../src/core/follower-errors.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import type { GrpcServerOptions } from '../../src/grpc/server.js';
import { type GroupLog, openGroupLog, untilTrue } from '../support/group-log.js';
import { ackAll, openConsumer, startConsumer } from './raw-consumer.js';
import { startService, type TestService, unary, until } from './service.js';

const rpcs = ConsumerGroupService.method;
let log: GroupLog;
beforeAll(async () => {
  log = await openGroupLog();
});
afterAll(() => log.close());

const serve = (options: Partial<GrpcServerOptions> = {}): Promise<TestService> =>
  startService(log.store, { namespaces: log.namespaces(), ...options });

/** A group about one aggregate type of its own, and events of that: `a` and `b` in turn. */
async function given(client: Client, events: number, more: object = {}) {
  const name = log.newName();
  const scope = { case: 'aggregateTypes' as const, value: { aggregateTypes: [name] } };
  await unary(client, rpcs.createGroup, { name, selection: { scope }, ...more });
  const positions = await log.append(name, events);
  return { name, positions };
}

const membersOf = async (client: Client, name: string) =>
  (await unary(client, rpcs.getGroup, { name })).members;

const sorted = (positions: readonly bigint[]) => [...positions].sort((a, b) => (a < b ? -1 : 1));

describe('a consumer', () => {
  it('is sent what its group is about, stream by stream in order, and told what became of its acks', async () => {
    const { raw } = await serve();
    const { name, positions } = await given(raw, 10);
    const consumer = await startConsumer(raw, { group: name, memberName: 'one' });
    expect(consumer.messages[0]?.message).toMatchObject({
      case: 'joined',
      value: { ackTimeout: { seconds: 60n } },
    });
    await until(() => consumer.positions().length === 10, 'all events');
    expect(sorted(consumer.positions())).toEqual(positions);
    for (const id of ['a', 'b']) {
      const versions = consumer.deliveries
        .flatMap(({ events }) => events)
        .filter(({ stream }) => stream?.aggregateId === id)
        .map(({ version }) => version);
      expect(versions).toEqual([1n, 2n, 3n, 4n, 5n]);
    }
    expect(await membersOf(raw, name)).toMatchObject([{ name: 'one', slots: 64 }]);
    consumer.say({ case: 'ack', value: { positions } });
    consumer.say({ case: 'ack', value: { correlation: 7n, positions: [1_000_000n] } });
    await until(() => consumer.results.length > 0, 'the result');
    expect(consumer.results).toMatchObject([{ correlation: 7n, lost: [1_000_000n] }]);
    await untilTrue(async () => (await unary(raw, rpcs.getGroup, { name })).lag === 0n, 'no lag');
  });

  it('who says leave still answers what it has, and then the call ends well', async () => {
    const { raw } = await serve();
    const { name, positions } = await given(raw, 4);
    const consumer = await startConsumer(raw, { group: name });
    await until(() => consumer.positions().length === 4, 'all events');
    consumer.say({ case: 'leave', value: {} });
    consumer.say({ case: 'ack', value: { correlation: 1n, positions } });
    expect(await consumer.ended).toMatchObject({ code: 0 });
    expect(consumer.results).toMatchObject([{ correlation: 1n, lost: [] }]);
    await untilTrue(async () => (await membersOf(raw, name)).length === 0, 'that it is no member');
  });

  it('who half-closes has its last answers kept, and what it did not answer goes to others', async () => {
    const { raw } = await serve();
    const { name, positions } = await given(raw, 4);
    const consumer = await startConsumer(raw, { group: name });
    await until(() => consumer.positions().length === 4, 'all events');
    const [first = 0n] = positions;
    consumer.say({ case: 'ack', value: { positions: [first] } });
    consumer.call.end();
    expect(await consumer.ended).toMatchObject({ code: 0 });
    const other = await startConsumer(raw, { group: name }, ackAll);
    await until(() => other.positions().length === 3, 'the rest', 15_000);
    expect(sorted(other.positions())).toEqual(positions.slice(1));
  });

  it('who cancels is replaced at once, by one at another instance too', async () => {
    // Longer than the test waits, so that it does not pass because leases run out.
    const lease = { leaseMs: 60_000 };
    const one = await serve({ namespaces: log.namespaces(lease) });
    const { name, positions } = await given(one.raw, 6);
    const two = await startService(log.other.store, { namespaces: log.other.namespaces(lease) });
    const consumer = await startConsumer(one.raw, { group: name });
    await until(() => consumer.positions().length === 6, 'all events');
    consumer.call.cancel();
    const other = await startConsumer(two.raw, { group: name }, ackAll);
    await until(() => other.positions().length === 6, 'all events elsewhere', 25_000);
    expect(sorted(other.positions())).toEqual(positions);
    // A consumer that crashes on an event shall not get it for ever.
    expect(other.deliveries[0]?.attempt).toBe(2);
  });

  it('with credit of nothing is sent nothing, and with more the rest', async () => {
    const { raw } = await serve();
    const { name } = await given(raw, 20);
    const consumer = await startConsumer(raw, { group: name, maxInFlight: 4 });
    await until(() => consumer.positions().length === 4, 'as many as it may have');
    consumer.say({ case: 'credit', value: { maxInFlight: 0 } });
    consumer.say({ case: 'ack', value: { correlation: 1n, positions: consumer.positions() } });
    await until(() => consumer.results.length === 1, 'the result');
    expect(consumer.positions().length).toBe(4);
    consumer.say({ case: 'credit', value: { maxInFlight: 100 } });
    await until(() => consumer.positions().length === 20, 'the rest');
  });

  it('has what it could not handle parked, retried and left out', async () => {
    const { raw } = await serve();
    const { name, positions } = await given(raw, 4, { settings: { retryDelay: {} } });
    const [a1 = 0n, b1 = 0n, a2 = 0n, b2 = 0n] = positions;
    const seen: bigint[] = [];
    const consumer = await startConsumer(raw, { group: name }, (delivery, { say }) => {
      const [first] = delivery.events;
      if (first === undefined || delivery.replayed) return;
      const { position } = first;
      const again = seen.includes(position);
      seen.push(position);
      const park = { case: 'park' as const, value: {} };
      if (position === a1)
        say({ case: 'nack', value: { correlation: 1n, position, reason: 'no money', action: park } });
      else if (position === b1 && !again) say({ case: 'nack', value: { correlation: 2n, position } });
      else if (delivery.events.length > 0)
        say({ case: 'ack', value: { positions: delivery.events.map((event) => event.position) } });
    });
    const attempts = () =>
      consumer.deliveries.flatMap(({ attempt, events }) => (events[0]?.position === b1 ? [attempt] : []));
    await until(() => attempts().length === 2, 'b again');
    expect(attempts()).toEqual([1, 2]);
    await until(() => consumer.positions().filter((position) => position === b2).length === 2, 'all of b');
    await until(() => consumer.results.length === 2, 'both results');
    expect(await unary(raw, rpcs.listParked, { group: name })).toMatchObject({
      parked: [{ position: a1, reason: 'no money', stream: { aggregateId: 'a' }, eventType: 'Moved' }],
    });
    const skipped = { group: name, stream: { aggregateType: name, aggregateId: 'a' }, skipFirst: true };
    expect(await unary(raw, rpcs.replayParked, skipped)).toMatchObject({ streams: 1n });
    await until(() => consumer.deliveries.some(({ replayed }) => replayed), 'the replay', 15_000);
    expect(consumer.deliveries.at(-1)?.events.map(({ position }) => position)).toEqual([a2]);
    const skip = { case: 'skip' as const, value: {} };
    consumer.say({ case: 'nack', value: { position: a2, action: skip } });
    await untilTrue(async () => {
      const { lag, parked } = await unary(raw, rpcs.getGroup, { name });
      return lag === 0n && parked === 0n;
    }, 'nothing left');
  });

  it('is sent away where it says what makes no sense', async () => {
    const { raw } = await serve();
    const { name } = await given(raw, 1);
    const saying = async (...said: Parameters<ReturnType<typeof openConsumer>['say']>[]) => {
      const consumer = openConsumer(raw);
      for (const message of said) consumer.say(...message);
      const { code, error } = await consumer.ended;
      expect(code).toBe(3);
      return (error as InvalidRequestError).violations.map(({ field }) => field);
    };
    const join = { case: 'join' as const, value: { group: name } };
    expect(await saying([])).toEqual(['message']);
    expect(await saying([{ case: 'ack', value: { positions: [1n] } }])).toEqual(['message']);
    expect(await saying([join], [join])).toEqual(['join']);
    expect(await saying([join], [{ case: 'ack', value: {} }])).toEqual(['ack.positions']);
    expect(await saying([join], [{ case: 'nack', value: { position: 2n ** 63n } }])).toEqual([
      'nack.position',
    ]);
    expect(await saying([{ case: 'join', value: { group: '$x' } }])).toEqual(['join.group']);
  });

  it('of a group that is not there, or no longer, is told so', async () => {
    const { raw } = await serve();
    const { name } = await given(raw, 1);
    const consumer = await startConsumer(raw, { group: name });
    await unary(raw, rpcs.deleteGroup, { name });
    const { code, error } = await consumer.ended;
    expect(code).toBe(5);
    expect(error).toEqual(new GroupNotFoundError(name));
    const late = openConsumer(raw);
    late.say({ case: 'join', value: { group: name } });
    expect((await late.ended).error).toBeInstanceOf(GroupNotFoundError);
  });

  it('who takes nothing from its connection is sent away, and the others have its events', async () => {
    const { raw } = await serve({ stallTimeoutMs: 300 });
    const { name } = await given(raw, 0);
    await log.append(name, 20, { streams: 20, data: Buffer.alloc(900 * 1024) });
    const consumer = await startConsumer(raw, { group: name, maxInFlight: 1000 });
    consumer.call.pause();
    const other = await serve();
    await untilTrue(async () => (await membersOf(other.raw, name)).length === 0, 'its membership to end');
    consumer.call.resume();
    const { code, error } = await consumer.ended;
    expect(code).toBe(8);
    expect(error).toBeInstanceOf(OverloadedError);
    expect(consumer.positions().length).toBeLessThan(20);
  });

  it('is ended with its namespace', async () => {
    const gone = new AbortController();
    const namespaces = oneNamespace(log.store, 'test', { groupStorage: log.storage });
    const { raw } = await startService(log.store, {
      namespaces: { ...namespaces, of: (name) => ({ ...namespaces.of(name), gone: gone.signal }) },
    });
    const { name } = await given(raw, 1);
    const consumer = await startConsumer(raw, { group: name });
    gone.abort(new NamespaceNotFoundError('test'));
    expect(await consumer.ended).toEqual({ code: 5, error: new NamespaceNotFoundError('test') });
  });
});

describe('a service that drains', () => {
  it('tells consumers, takes the answers that they still owe, and ends their calls as to be resumed elsewhere', async () => {
    const one = await serve();
    const { name, positions } = await given(one.raw, 6);
    const consumer = await startConsumer(one.raw, { group: name });
    await until(() => consumer.positions().length === 6, 'all events');
    const drained = one.server.drain(10_000);
    await until(() => consumer.told('draining'), 'that it drains');
    consumer.say({ case: 'ack', value: { correlation: 1n, positions } });
    const { code, error } = await consumer.ended;
    expect(code).toBe(14);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(consumer.results).toMatchObject([{ lost: [] }]);
    await drained;
    const two = await serve();
    const [more] = await log.append(name, 1);
    const other = await startConsumer(two.raw, { group: name }, ackAll);
    await until(() => other.positions().length > 0, 'the next event', 15_000);
    expect(other.positions()).toEqual([more]);
  });

  it('ends a consumer that does not answer when its time is over, and others have what it had', async () => {
    const one = await serve();
    const { name, positions } = await given(one.raw, 2);
    const consumer = await startConsumer(one.raw, { group: name });
    await until(() => consumer.positions().length === 2, 'all events');
    await one.server.drain(200);
    expect((await consumer.ended).code).toBe(14);
    const two = await serve();
    const other = await startConsumer(two.raw, { group: name }, ackAll);
    await until(() => other.positions().length === 2, 'the same events', 15_000);
    expect(sorted(other.positions())).toEqual(positions);
    // It was no fault of the events.
    expect(other.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });
});
