import { ChurnedMap } from '../core/churned-map.js';
import { type PackedEvents, untouchedEvents } from '../core/packed-events.js';
import { isShared } from '../core/shared-messages.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import { PackedMessage } from './encode-packed.js';
import { encodeSubscriptionMessage } from './encode-page.js';

// Part of the hot path of live subscriptions: a page that several get as a whole is encoded once. `npm run bench` (S5) defends
// it; a property test proves that the bytes are those of `encodeSubscriptionMessage`.

interface Encoded extends Pick<SubscriptionMessage, 'scannedAfter' | 'scannedTo' | 'epoch'> {
  readonly bytes: Buffer<ArrayBuffer>;
}

/** Of this turn of the event loop: in it all encode who were woken for a page. So nothing of it outlives an erasure either. */
const encoded = new ChurnedMap<PackedEvents, Encoded>();

/** A SubscribeResponse in bytes, which are not to be changed, or what makes it when it leaves. */
export function encodeSharedMessage(message: SubscriptionMessage): Buffer<ArrayBuffer> | PackedMessage {
  const packed = untouchedEvents(message);
  if (packed === undefined) return encodeSubscriptionMessage(message);
  // The ring has the events too, or middleware may ask for them later.
  if (!isShared(message)) return new PackedMessage(packed, message);
  const { epoch, scannedAfter, scannedTo } = message;
  const known = encoded.get(packed);
  // Who was told meanwhile how far the log goes has its own range.
  if (known?.scannedAfter === scannedAfter && known.scannedTo === scannedTo && known.epoch === epoch)
    return known.bytes;
  const bytes = encodeSubscriptionMessage(message);
  if (encoded.size === 0) setImmediate(() => encoded.clear());
  if (known === undefined) encoded.set(packed, { scannedAfter, scannedTo, epoch, bytes });
  return bytes;
}
