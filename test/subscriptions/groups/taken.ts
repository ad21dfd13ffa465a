import type { Delivery, GroupMembership, GroupMessage } from '../../../src/core/consumer-groups.js';
import { slotOf } from '../../../src/subscriptions/groups/slot-of.js';
import { thing } from '../../../src/testing/index.js';
import { GROUP, type Instance } from './world.js';

/** What a consumer was told. */
export class Taken {
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

export async function joined(instance: Instance, maxInFlight = 64): Promise<Taken> {
  return new Taken(await instance.host.join({ group: GROUP, maxInFlight }));
}

/** Its outcome is another test's. */
export function said(answer: Promise<unknown>): void {
  answer.catch(() => undefined);
}

/** Two streams in the slot that goes to the second member. */
export function sameSlot(): readonly [string, string] {
  const ids = Array.from({ length: 40 }, (_, index) => `s${index}-`);
  const [a, b] = ids.filter((id) => slotOf(thing(id), 4) === 3);
  if (a === undefined || b === undefined) throw new Error('No two streams share a slot');
  return [a, b];
}

export const retried = (position: bigint, afterMs?: number) => ({
  position,
  action: { kind: 'RETRY' as const, ...(afterMs === undefined ? {} : { afterMs }) },
});
