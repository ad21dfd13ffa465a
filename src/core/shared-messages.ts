import type { SubscriptionMessage } from './subscribe.js';

const SHARED = new WeakSet<SubscriptionMessage>();

/** Notes that other subscriptions get some of the same event objects, so that what is made of them is worth keeping. */
export function markShared(message: SubscriptionMessage): void {
  SHARED.add(message);
}

/** Whether that was noted. Does not look at the events, which may have yet to be unpacked. */
export function isShared(message: SubscriptionMessage): boolean {
  return SHARED.has(message);
}
