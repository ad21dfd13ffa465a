import type { EventStore } from '../core/event-store.js';
import type { Event } from '../core/event.js';
import type { SubscribeRequest } from '../core/subscribe.js';
import type { Expectation } from './contract.js';

/** What a follower has seen so far. */
export interface Followed {
  readonly events: Event[];
  readonly signals: string[];
  scannedTo: bigint;
  epoch: bigint;
}

/** Reads until it is enough, and checks that the scanned ranges meet and hold what they say. */
export async function followed(
  expect: (value: unknown) => Expectation,
  store: EventStore,
  request: SubscribeRequest,
  enough: (followed: Followed) => boolean | Promise<boolean>,
): Promise<Followed> {
  const seen: Followed = { events: [], signals: [], scannedTo: -1n, epoch: 0n };
  for await (const message of store.subscribe(request)) {
    if (seen.scannedTo !== -1n) expect(message.scannedAfter).toBe(seen.scannedTo);
    let last = message.scannedAfter;
    for (const { position } of message.events) {
      expect(position > last && position <= message.scannedTo).toBe(true);
      last = position;
    }
    seen.events.push(...message.events);
    seen.scannedTo = message.scannedTo;
    seen.epoch = message.epoch;
    if (message.signal) {
      expect(message.events).toEqual([]);
      seen.signals.push(message.signal.kind);
    }
    if (await enough(seen)) break;
  }
  return seen;
}
