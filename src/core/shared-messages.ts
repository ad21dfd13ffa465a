import type { SubscriptionMessage } from './subscribe.js';

const SHARED = new WeakSet<SubscriptionMessage>();

/** Notes that other subscriptions may get the same page of events, so that what is made of it is worth keeping for them. */
export function markShared(message: SubscriptionMessage): void {
  SHARED.add(message);
}

/** Whether that was noted. Does not look at the events, which may have yet to be unpacked. */
export function isShared(message: SubscriptionMessage): boolean {
  return SHARED.has(message);
}
