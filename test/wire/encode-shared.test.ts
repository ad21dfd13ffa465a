import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markShared } from '../../src/core/shared-messages.js';
import type { SubscriptionMessage } from '../../src/core/subscribe.js';
import { encodeSubscriptionMessage } from '../../src/wire/encode-page.js';
import { encodeSharedMessage } from '../../src/wire/encode-shared.js';
import { event, uint64 } from './arbitraries.js';

describe('messages that have events in common', () => {
  it('are byte for byte what each would be alone, whoever was encoded first', () => {
    const some = fc.tuple(
      fc.array(event, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.array(fc.nat(5), { maxLength: 6 }), uint64, uint64, uint64, fc.boolean()), {
        maxLength: 5,
      }),
    );
    fc.assert(
      fc.property(some, ([events, messages]) => {
        for (const [which, scannedAfter, scannedTo, epoch, shared] of messages) {
          // The same objects over and over, as the ring has them.
          const chosen = which.flatMap((index) => events[index] ?? []);
          const message: SubscriptionMessage = { events: chosen, scannedAfter, scannedTo, epoch };
          if (shared) markShared(message);
          expect(encodeSharedMessage(message).equals(encodeSubscriptionMessage(message))).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('are so with events of any size', () => {
    const [one] = fc.sample(event, 1);
    if (one === undefined) throw new Error('There is no event');
    const sizes = [0, 1, 100, 127, 128, 16_000, 16_384, 70_000, 2_100_000];
    const events = sizes.map((size) => ({ ...one, data: new Uint8Array(size).fill(size) }));
    const message: SubscriptionMessage = { events, scannedAfter: 0n, scannedTo: 9n, epoch: 1n };
    const plain = encodeSubscriptionMessage(message);
    markShared(message);
    for (let times = 0; times < 2; times += 1) expect(encodeSharedMessage(message).equals(plain)).toBe(true);
  });
});
