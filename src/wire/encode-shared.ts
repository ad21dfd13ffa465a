import { type PackedEvents, untouchedEvents } from '../core/packed-events.js';
import { isShared } from '../core/shared-messages.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import { encodePacked } from './encode-packed.js';
import { encodeSubscriptionMessage } from './encode-page.js';

// Part of the hot path of live subscriptions: a page that several get as a whole is encoded once, and a message is a copy of
// bytes that are there. `npm run bench` (S5) defends it; a property test proves that the bytes are those of
// `encodeSubscriptionMessage`.

const NOTHING = new Uint8Array(0);

/** Of this turn of the event loop: in it all encode who were woken for a page. So nothing of it outlives an erasure either. */
const encoded = new Map<PackedEvents, Buffer>();

/** A SubscribeResponse in bytes. */
export function encodeSharedMessage(message: SubscriptionMessage): Buffer<ArrayBuffer> {
  const packed = isShared(message) ? untouchedEvents(message) : undefined;
  if (packed === undefined) return encodeSubscriptionMessage(message);
  const { epoch, scannedAfter, scannedTo } = message;
  const rest = encodeSubscriptionMessage({ events: [], scannedAfter, scannedTo, epoch });
  const events = encodedOnce(packed);
  const out = Buffer.allocUnsafe(events.byteLength + rest.byteLength);
  rest.copy(out, events.copy(out));
  return out;
}

function encodedOnce(packed: PackedEvents): Buffer {
  let bytes = encoded.get(packed);
  if (bytes === undefined) {
    bytes = encodePacked(packed, NOTHING);
    if (encoded.size === 0) setImmediate(() => encoded.clear());
    encoded.set(packed, bytes);
  }
  return bytes;
}
