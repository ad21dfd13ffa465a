import { expect, it } from 'vitest';
import type { GroupMembership } from '../../../src/core/consumer-groups.js';
import { MemoryGroupStorage } from '../../../src/memory/groups.js';
import { GroupHost } from '../../../src/subscriptions/groups/group-host.js';
import { systemRuntime as runtime } from '../../../src/system.js';
import { appendTo, newEvent, thing } from '../../../src/testing/builders.js';
import { createMemoryEventStore } from '../../../src/testing/index.js';

const EVENTS = 4000;
const ACKS = 1000;

/** Positions of so many events, all delivered and none answered. */
async function delivered(membership: GroupMembership, events: number): Promise<bigint[]> {
  const positions: bigint[] = [];
  for await (const message of membership.messages) {
    if (message.kind !== 'DELIVER') continue;
    for (const one of message.deliveries) positions.push(...one.events.map(({ position }) => position));
    if (positions.length >= events) break;
  }
  return positions;
}

/** Milliseconds for which nothing else can be done. */
function timeOf(work: () => void): number {
  const begun = runtime.monotonic();
  work();
  return runtime.monotonic() - begun;
}

it('an ack costs about the same while half of 1,024 slots are to be released', async () => {
  const store = createMemoryEventStore({ runtime });
  for (let id = 0; id < EVENTS; id++) await store.append(appendTo(thing(String(id)), newEvent()));
  const storage = new MemoryGroupStorage({ runtime, store, leaseMs: 60_000, releaseMs: 60_000 });
  const host = new GroupHost({ log: store, storage, runtime });
  await host.create({ name: 'g', slots: 1024 });
  const membership = await host.join({ group: 'g', maxInFlight: EVENTS });
  const positions = await delivered(membership, EVENTS);
  const acks: Promise<readonly bigint[]>[] = [];
  const ack = (from: number) => () => {
    for (const position of positions.slice(from, from + ACKS)) acks.push(membership.ack([position]));
  };
  const held = timeOf(ack(0));
  await host.join({ group: 'g' });
  await expect.poll(async () => (await host.get('g')).members.length).toBe(2);
  // Each answer is confirmed by a beat that was sent later than the one which told of the other member.
  await membership.ack([positions[ACKS] ?? 0n]);
  await membership.ack([positions[ACKS + 1] ?? 0n]);
  const releasing = timeOf(ack(ACKS + 2));
  await Promise.all(acks);
  await host.stop();
  expect(releasing).toBeLessThan(4 * held + 300);
}, 60_000);
