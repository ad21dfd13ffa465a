import { beforeEach, describe, expect, it } from 'vitest';
import {
  DEFAULT_GROUP_SETTINGS,
  type Delivery,
  type GroupMembership,
  type GroupMessage,
} from '../../../src/core/consumer-groups.js';
import { WAITING_EVENTS } from '../../../src/subscriptions/groups/group-limits.js';
import { slotOf } from '../../../src/subscriptions/groups/slot-of.js';
import { appendTo, fill, newEvent, thing } from '../../../src/testing/index.js';
import { GROUP, Instance, World } from './world.js';

let world: World;

beforeEach(async () => {
  world = new World(1);
  await world.createGroup();
});

/** What a consumer was told. */
class Taken {
  readonly messages: GroupMessage[] = [];
  error: unknown;
  ended = false;

  constructor(readonly membership: GroupMembership) {
    void this.#take();
  }

  get deliveries(): readonly Delivery[] {
    return this.messages.flatMap((message) => (message.kind === 'DELIVER' ? message.deliveries : []));
  }

  get names(): readonly string[] {
    return this.deliveries.flatMap(({ events }) =>
      events.map(({ stream, version }) => `${stream.aggregateId}${version}`),
    );
  }

  async #take(): Promise<void> {
    try {
      for await (const message of this.membership.messages) this.messages.push(message);
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }
}

async function joined(instance: Instance, maxInFlight = 64): Promise<Taken> {
  return new Taken(await instance.host.join({ group: GROUP, maxInFlight }));
}

/** Its outcome is another test's. */
function said(answer: Promise<unknown>): void {
  answer.catch(() => undefined);
}

/** Two streams in the slot that goes to the second member. */
function sameSlot(): readonly [string, string] {
  const ids = Array.from({ length: 40 }, (_, index) => `s${index}-`);
  const [a, b] = ids.filter((id) => slotOf(thing(id), 4) === 3);
  if (a === undefined || b === undefined) throw new Error('No two streams share a slot');
  return [a, b];
}

const retried = (position: bigint, afterMs?: number) => ({
  position,
  action: { kind: 'RETRY' as const, ...(afterMs === undefined ? {} : { afterMs }) },
});

describe('an instance that is cut off from the storage', () => {
  it('confirms nothing, delivers nothing when its lease may have run out, and tells its members', async () => {
    const [cutOff, other] = [new Instance(world), new Instance(world)];
    await fill(world.store, thing('a'), 1);
    const zombie = await joined(cutOff);
    await world.clock.pass(100);
    expect(zombie.names).toEqual(['a1']);
    cutOff.cut = true;
    const ack = zombie.membership.ack([1n]).then(
      () => 'confirmed',
      (error: unknown) => error,
    );
    const next = await joined(other);
    await world.clock.pass(700);
    await fill(world.store, thing('a'), 1);
    await world.clock.pass(700);
    expect(zombie.error).toMatchObject({ reason: 'LEASE_LOST' });
    expect(await ack).toMatchObject({ reason: 'LEASE_LOST' });
    expect(zombie.names).toEqual(['a1']);
    expect(next.names).toEqual(['a1']);
    said(next.membership.ack([1n]));
    await world.clock.pass(100);
    expect(next.names).toEqual(['a1', 'a2']);
    await expect(zombie.membership.ack([1n])).rejects.toMatchObject({ reason: 'LEASE_LOST' });
    await other.host.stop();
  });

  it('that stood still does not deliver when it goes on, before it has asked', async () => {
    const [still, other] = [new Instance(world), new Instance(world)];
    await fill(world.store, thing('a'), 2);
    const first = await still.host.join({ group: GROUP, maxInFlight: 1 });
    const messages = first.messages[Symbol.asyncIterator]();
    const taken = messages.next();
    await world.clock.pass(100);
    await taken;
    still.paused = true;
    const next = await joined(other);
    await world.clock.pass(700);
    first.setMaxInFlight(5);
    await expect(messages.next()).rejects.toMatchObject({ reason: 'LEASE_LOST' });
    await world.clock.pass(700);
    expect(next.names).toEqual(['a1', 'a2']);
    await other.host.stop();
  });
});

describe('a slot that is wanted', () => {
  it('is not delivered from when it may have been taken away, not even what lies below what is done', async () => {
    const [cutOff, other] = [new Instance(world), new Instance(world)];
    const [a, b] = sameSlot();
    for (const id of [a, b]) await fill(world.store, thing(id), 1);
    const one = await joined(cutOff);
    await world.clock.pass(100);
    expect(one.names).toEqual([`${a}1`, `${b}1`]);
    one.membership.setMaxInFlight(0);
    said(one.membership.nack(retried(1n, 0)));
    said(one.membership.ack([2n]));
    await world.clock.pass(50);
    const two = await joined(other);
    await world.clock.pass(500);
    cutOff.cut = true;
    expect(await world.clock.until(() => two.names.includes(`${a}1`), 2000)).toBe(true);
    expect(one.ended).toBe(false);
    one.membership.setMaxInFlight(5);
    await world.clock.pass(20);
    expect(one.ended).toBe(false);
    expect(one.names).toEqual([`${a}1`, `${b}1`]);
    await cutOff.host.stop();
    await other.host.stop();
  });

  it('is released when what lies below what is done is answered, so that nothing comes twice', async () => {
    const [first, other] = [new Instance(world), new Instance(world)];
    const [a, b] = sameSlot();
    for (const id of [a, b]) await fill(world.store, thing(id), 1);
    const one = await joined(first);
    await world.clock.pass(100);
    one.membership.setMaxInFlight(0);
    said(one.membership.nack(retried(1n, 0)));
    said(one.membership.ack([2n]));
    await world.clock.pass(50);
    const two = await joined(other);
    await world.clock.pass(100);
    one.membership.setMaxInFlight(5);
    await world.clock.pass(20);
    said(one.membership.ack([1n]));
    for (const id of [a, b]) await fill(world.store, thing(id), 1);
    await world.clock.pass(500);
    expect(one.names).toEqual([`${a}1`, `${b}1`, `${a}1`]);
    expect(two.names).toEqual([`${a}2`, `${b}2`]);
    await first.host.stop();
    await other.host.stop();
  });
});

describe('an instance that is gone without a word', () => {
  it('leaves its slots where they stood: what was acknowledged above that comes again, in order', async () => {
    const [crashing, other] = [new Instance(world), new Instance(world)];
    const [a, b] = sameSlot();
    for (const id of [a, b, a, b]) await fill(world.store, thing(id), 1);
    const one = await joined(crashing);
    await world.clock.pass(100);
    expect(one.names).toEqual([`${a}1`, `${a}2`, `${b}1`, `${b}2`]);
    const ack = one.membership.ack([4n]);
    await world.clock.pass(100);
    expect(await ack).toEqual([]);
    crashing.dead = true;
    const two = await joined(other);
    await world.clock.pass(1000);
    expect(two.names).toEqual([`${a}1`, `${a}2`, `${b}1`, `${b}2`]);
    said(two.membership.ack([3n, 4n]));
    await fill(world.store, thing(b), 1);
    await world.clock.pass(500);
    expect(two.names.slice(4)).toEqual([`${b}3`]);
    await other.host.stop();
  });

  it('is followed by one that knows how often events were tried', async () => {
    const [crashing, other] = [new Instance(world), new Instance(world)];
    await fill(world.store, thing('a'), 1);
    const one = await joined(crashing);
    await world.clock.pass(100);
    said(one.membership.nack(retried(1n, 0)));
    await world.clock.pass(100);
    expect(one.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    crashing.dead = true;
    const two = await joined(other);
    await world.clock.pass(2000);
    expect(two.deliveries.map(({ attempt }) => attempt)).toEqual([2]);
    await other.host.stop();
  });
});

describe('an event that is tried again', () => {
  it('waits twice as long each time, and is parked in the end', async () => {
    const instance = new Instance(world);
    await fill(world.store, thing('a'), 1);
    const consumer = await joined(instance);
    await world.clock.pass(100);
    said(consumer.membership.nack({ position: 1n }));
    await world.clock.pass(19);
    expect(consumer.deliveries.length).toBe(1);
    await world.clock.pass(2);
    expect(consumer.deliveries.length).toBe(2);
    said(consumer.membership.nack({ position: 1n }));
    await world.clock.pass(39);
    expect(consumer.deliveries.length).toBe(2);
    await world.clock.pass(2);
    expect(consumer.deliveries.length).toBe(3);
    said(consumer.membership.nack({ position: 1n, reason: 'x'.repeat(2000) }));
    await world.clock.pass(500);
    expect(consumer.deliveries.length).toBe(3);
    const { parked } = await instance.host.listParked({ group: GROUP });
    expect(parked[0]?.attempts).toBe(3);
    expect(new TextEncoder().encode(parked[0]?.reason).length).toBeLessThanOrEqual(1024);
    await instance.host.stop();
  });

  it('is delivered alone, so that those delivered with it are not blamed', async () => {
    const instance = new Instance(world);
    await fill(world.store, thing('a'), 3);
    const lost = new AbortController();
    const first = await instance.host.join({ group: GROUP }, { signal: lost.signal });
    const taken = new Taken(first);
    await world.clock.pass(100);
    expect(taken.names).toEqual(['a1', 'a2', 'a3']);
    lost.abort(new Error('The consumer is lost'));
    const second = await joined(instance);
    await world.clock.pass(100);
    expect(second.names).toEqual(['a1']);
    expect(second.deliveries[0]?.attempt).toBe(2);
    said(second.membership.ack([1n]));
    await world.clock.pass(100);
    expect(second.names).toEqual(['a1', 'a2', 'a3']);
    expect(second.deliveries[1]?.attempt).toBe(1);
    await instance.host.stop();
  });
});

describe('what a member holds in memory', () => {
  it('is bounded while a stream is stuck, and the other streams go on; then the stream comes in order', async () => {
    const instance = new Instance(world);
    const stuck = thing('stuck');
    for (let round = 0; round < 30; round++) {
      await world.store.append(appendTo(stuck, ...Array.from({ length: 300 }, () => newEvent())));
      await fill(world.store, thing(`other${round}-`), 1);
    }
    const consumer = await instance.host.join({ group: GROUP, maxInFlight: 100 });
    const versions: bigint[] = [];
    const others: string[] = [];
    let most = 0;
    let fails = true;
    const take = async () => {
      for await (const message of consumer.messages) {
        most = Math.max(most, instance.host.heldEvents);
        for (const { events } of message.kind === 'DELIVER' ? message.deliveries : []) {
          const [first] = events;
          const last = events.at(-1);
          if (first === undefined || last === undefined) continue;
          if (first.stream.aggregateId === 'stuck' && fails)
            said(consumer.nack(retried(first.position, 60_000)));
          else {
            if (first.stream.aggregateId === 'stuck') versions.push(...events.map(({ version }) => version));
            else others.push(first.stream.aggregateId);
            said(consumer.ack([last.position]));
          }
        }
      }
    };
    said(take());
    expect(await world.clock.until(() => others.length === 30, 10_000)).toBe(true);
    expect(versions).toEqual([]);
    expect(most).toBeLessThanOrEqual(WAITING_EVENTS + 1000 + 100);
    fails = false;
    expect(await world.clock.until(() => versions.length >= 9000, 120_000)).toBe(true);
    expect(versions).toEqual(Array.from({ length: 9000 }, (_, index) => BigInt(index + 1)));
    expect(most).toBeLessThanOrEqual(WAITING_EVENTS + 1000 + 100);
    await world.clock.pass(1000);
    expect((await instance.host.get(GROUP)).lag).toBe(0n);
    await instance.host.stop();
  });
});

describe('a consumer that takes nothing', () => {
  it('is ended, and what waits for it goes to others', async () => {
    const instance = new Instance(world);
    await fill(world.store, thing('a'), 1);
    const absent = await instance.host.join({ group: GROUP });
    await world.clock.pass(3000);
    await expect(absent.messages[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      reason: 'OVERLOADED',
      limit: 'ack_timeout',
    });
    const next = await joined(instance);
    await world.clock.pass(100);
    expect(next.names).toEqual(['a1']);
    expect(next.deliveries[0]?.attempt).toBe(1);
    await instance.host.stop();
  });
});

describe('an instance that shuts down', () => {
  it('tells its members, delivers no more, and is done when all is answered', async () => {
    const instance = new Instance(world);
    await fill(world.store, thing('a'), 1);
    const consumer = await joined(instance);
    await world.clock.pass(100);
    let drained = false;
    const draining = instance.host.drain().then(() => {
      drained = true;
    });
    await fill(world.store, thing('b'), 1);
    await world.clock.pass(200);
    expect(consumer.messages.at(-1)).toEqual({ kind: 'DRAINING' });
    expect(consumer.names).toEqual(['a1']);
    expect(drained).toBe(false);
    const ack = consumer.membership.ack([1n]);
    await world.clock.pass(200);
    expect(await ack).toEqual([]);
    await draining;
    expect(consumer.ended).toBe(true);
    expect(consumer.error).toBe(undefined);
    await expect(instance.host.join({ group: GROUP })).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
    });
    await instance.host.stop();
  });

  it('frees its slots at once when it stops', async () => {
    const [stopping, other] = [new Instance(world), new Instance(world)];
    await fill(world.store, thing('a'), 1);
    const one = await joined(stopping);
    await world.clock.pass(100);
    await stopping.host.stop();
    await stopping.host.stop();
    expect(one.error).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    const two = await joined(other);
    await world.clock.pass(60);
    expect(two.names).toEqual(['a1']);
    expect(two.deliveries[0]?.attempt).toBe(1);
    await other.host.stop();
  });
});

describe('parked streams by the hundred', () => {
  it('are replayed a few at a time, each in order', async () => {
    const instance = new Instance(world);
    const ids = Array.from({ length: 100 }, (_, index) => `s${index}-`);
    for (const id of ids) await fill(world.store, thing(id), 3);
    const consumer = await instance.host.join({ group: GROUP });
    const replayed: string[] = [];
    const take = async () => {
      for await (const message of consumer.messages)
        for (const delivery of message.kind === 'DELIVER' ? message.deliveries : []) {
          const [first] = delivery.events;
          const last = delivery.events.at(-1);
          if (first === undefined || last === undefined) continue;
          if (delivery.replayed)
            replayed.push(...delivery.events.map(({ stream, version }) => `${stream.aggregateId}${version}`));
          if (delivery.replayed) said(consumer.ack([last.position]));
          else said(consumer.nack({ position: first.position, action: { kind: 'PARK' } }));
        }
    };
    said(take());
    await world.clock.pass(1500);
    expect((await instance.host.get(GROUP)).parked).toBe(100n);
    expect(await instance.host.replayParked({ group: GROUP })).toBe(100n);
    expect(await world.clock.until(() => replayed.length >= 300, 20_000)).toBe(true);
    await world.clock.pass(500);
    expect((await instance.host.get(GROUP)).parked).toBe(0n);
    for (const id of ids)
      expect(replayed.filter((name) => name.startsWith(id))).toEqual([`${id}1`, `${id}2`, `${id}3`]);
    await instance.host.stop();
  });
});

describe('a group that stands where the log has never been', () => {
  const from = (position: bigint) => ({
    name: 'lost',
    selection: {},
    settings: DEFAULT_GROUP_SETTINGS,
    slots: 4,
    position: { position, epoch: 1n },
  });

  it('ends its members, so that somebody resets it', async () => {
    await world.storage.create(from(99n));
    const instance = new Instance(world);
    const consumer = new Taken(await instance.host.join({ group: 'lost' }));
    await world.clock.pass(200);
    expect(consumer.error).toMatchObject({ reason: 'POSITION_UNKNOWN' });
    await instance.host.reset({ name: 'lost' });
    await fill(world.store, thing('a'), 1);
    const next = new Taken(await instance.host.join({ group: 'lost' }));
    await world.clock.pass(200);
    expect(next.names).toEqual(['a1']);
    await instance.host.stop();
  });

  it('does so too where only one of its slots is there, and the subscription begins further back', async () => {
    await world.storage.create(from(0n));
    const by = { group: 'lost', memberId: 'm', revision: 1n, known: [], news: [] };
    await world.storage.join({ ...by, name: '' });
    const [orders] = await world.storage.beat([{ ...by, slots: [] }]);
    const held = orders?.slots[2];
    if (held === undefined) throw new Error('The member holds nothing');
    const ahead = { ...held, position: { position: 99n, epoch: 1n } };
    await world.storage.beat([{ ...by, slots: [ahead], leaving: true }]);
    const instance = new Instance(world);
    const consumer = new Taken(await instance.host.join({ group: 'lost' }));
    await world.clock.pass(200);
    expect(consumer.error).toMatchObject({ reason: 'POSITION_UNKNOWN' });
    await instance.host.stop();
  });
});
