import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GroupMembership } from '../../../src/core/consumer-groups.js';
import { GroupHost } from '../../../src/subscriptions/groups/group-host.js';
import type { HeldSlot } from '../../../src/subscriptions/groups/group-storage.js';
import { slotOf } from '../../../src/subscriptions/groups/slot-of.js';
import { systemRuntime as runtime } from '../../../src/system.js';
import { newGroup, TestMember } from '../../../src/testing/group-storage-members.js';
import { openTestStore, type TestStore } from '../../support/test-database.js';
import { groupStorageOn } from './storage-on.js';

const SLOTS = 4;

let test: TestStore;
let host: GroupHost;

beforeEach(async () => {
  test = await openTestStore();
  host = new GroupHost({ log: test.store, storage: groupStorageOn(test), runtime });
});

afterEach(async () => {
  await host.stop();
  await test.close();
});

const thing = (index: number) => ({ aggregateType: 'Thing', aggregateId: `t${index}` });

/** Appends events of ten streams in turn. */
async function append(events: number): Promise<void> {
  for (let done = 0; done < events; done += 500)
    await test.store.append({
      streams: Array.from({ length: 10 }, (_, index) => ({
        stream: thing(index),
        expectedVersion: 'ANY' as const,
        events: Array.from({ length: Math.min(500, events - done) / 10 }, () => ({
          eventId: runtime.newEventId(),
          eventType: 'Moved',
          data: Buffer.from('{}'),
        })),
      })),
    });
}

/** As if positions above that one had been read from a primary that is gone, and others had been given since. */
async function loseTail(above: number): Promise<void> {
  const { database, schema } = test;
  for (const statement of [
    `INSERT INTO "${schema}".epochs SELECT 2, ${above}, system_id + 1, timeline, now() FROM "${schema}".log_head`,
    `UPDATE "${schema}".log_head SET epoch = 2`,
  ])
    await database.query('append', statement, []);
}

/** Handles all that comes until the group is at the position, or the membership fails. */
async function work(membership: GroupMembership, until: bigint): Promise<void> {
  const caughtUp = (async () => {
    while ((await host.get('g')).position.position < until) await runtime.sleep(20);
    await membership.leave();
  })();
  caughtUp.catch(() => undefined);
  for await (const message of membership.messages)
    if (message.kind === 'DELIVER')
      for (const { events } of message.deliveries)
        void membership.ack(events.map(({ position }) => position)).catch(() => undefined);
}

const at = (slot: HeldSlot, position: bigint, epoch: bigint) => ({ ...slot, position: { position, epoch } });

describe('a slot that stands in a tail which the log has lost', () => {
  it('is refused although another stands at the same position of the epoch that is now', async () => {
    await append(20);
    await loseTail(10);
    const storage = groupStorageOn(test);
    await storage.create(newGroup('g', SLOTS));
    const former = await new TestMember(storage, 'g', 'former').join();
    const { slots } = await former.beat();
    await former.beat({
      slots: slots.map((slot) => at(slot, 15n, slot.slot === 0 ? 2n : 1n)),
      leaving: true,
    });
    await expect(work(await host.join({ group: 'g' }), 20n)).rejects.toMatchObject({
      reason: 'LOG_EPOCH_CHANGED',
      lastCommonPosition: 10n,
    });
  });

  it('is refused when it comes to a member who is further back', async () => {
    await append(6000);
    const storage = groupStorageOn(test);
    await storage.create(newGroup('g', SLOTS));
    const former = await new TestMember(storage, 'g', 'former').join();
    await former.beat();
    await loseTail(5800);
    const membership = await host.join({ group: 'g' });
    // It has read as much as may wait, and is in the middle of the log.
    await expect.poll(async () => (await former.release()).slots.length).toBe(SLOTS / 2);
    await expect.poll(() => host.heldEvents).toBeGreaterThanOrEqual(1000);
    await former.beat({ slots: former.held.map((slot) => at(slot, 5900n, 1n)), leaving: true });
    await expect(work(membership, 6000n)).rejects.toMatchObject({
      reason: 'LOG_EPOCH_CHANGED',
      position: 5900n,
      lastCommonPosition: 5800n,
    });
  });

  it('goes on where nothing was lost', async () => {
    await append(6000);
    const storage = groupStorageOn(test);
    await storage.create(newGroup('g', SLOTS));
    const former = await new TestMember(storage, 'g', 'former').join();
    const { slots } = await former.beat();
    const ahead = slots.map((slot) => at(slot, slot.slot === 0 ? 5900n : 0n, 1n));
    await former.beat({ slots: ahead, leaving: true });
    await loseTail(5950);
    await work(await host.join({ group: 'g' }), 6000n);
    expect((await host.get('g')).position).toMatchObject({ position: 6000n });
  });
});

describe('a stream that was parked at an event which the log has lost', () => {
  const stream = thing(1);
  const slot = slotOf(stream, SLOTS);

  async function member() {
    const storage = groupStorageOn(test);
    await storage.create(newGroup('g', SLOTS));
    const one = await new TestMember(storage, 'g', 'one').join();
    await one.beat();
    return { storage, one, fence: one.slot(slot).fence };
  }

  const parked = (position: bigint, fence: bigint) => ({
    kind: 'PARKED' as const,
    slot,
    fence,
    stream,
    position,
    version: 1n,
    eventType: 'Moved',
    eventId: runtime.newEventId(),
    attempts: 1,
    reason: '',
  });

  it('is not parked, and its slot begins anew', async () => {
    await append(20);
    const { fence, one, storage } = await member();
    await loseTail(10);
    const said = at(one.slot(slot), 5n, 1n);
    await one.beat({ slots: [said], news: [parked(15n, fence)] });
    expect((await storage.listParked({ group: 'g' })).parked).toEqual([]);
    expect(one.slot(slot).fence).toBeGreaterThan(fence);
    expect(one.slot(slot).position.position).toBe(0n);
    const now = one.slot(slot);
    await one.beat({ slots: [at(now, 5n, 2n)], news: [parked(15n, now.fence)] });
    expect((await storage.listParked({ group: 'g' })).parked).toHaveLength(1);
  });

  it('is not parked either before the next append has opened the epoch', async () => {
    await append(20);
    const { fence, one, storage } = await member();
    const { database, schema } = test;
    await database.query('append', `UPDATE "${schema}".log_head SET system_id = system_id + 1`, []);
    await one.beat({ slots: [at(one.slot(slot), 5n, 1n)], news: [parked(20n, fence)] });
    expect((await storage.listParked({ group: 'g' })).parked).toHaveLength(1);
    await one.beat({ slots: [at(one.slot(slot), 5n, 1n)], news: [parked(21n, fence)] });
    expect(one.slot(slot).fence).toBeGreaterThan(fence);
  });
});
