import { beforeEach, describe, expect, it } from 'vitest';
import { WAITING_EVENTS } from '../../../src/subscriptions/groups/group-limits.js';
import { appendTo, fill, newEvent, thing } from '../../../src/testing/index.js';
import { joined, retried, said, Taken } from './taken.js';
import { GROUP, Instance, World } from './world.js';

let world: World;

beforeEach(async () => {
  world = new World(1);
  await world.createGroup();
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
