import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_GROUP_SETTINGS } from '../../../src/core/consumer-groups.js';
import { fill, thing } from '../../../src/testing/index.js';
import { joined, retried, said, sameSlot, Taken } from './taken.js';
import { GROUP, Instance, World } from './world.js';

let world: World;

beforeEach(async () => {
  world = new World(1);
  await world.createGroup();
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
