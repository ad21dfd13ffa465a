import type { Event } from '../core/event.js';
import { isShared } from '../core/shared-messages.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import { encodeLoadPage, encodeSubscriptionMessage } from './encode-page.js';

// Part of the hot path of live subscriptions: what many follow is encoded once, and a message is a copy of bytes that are
// there. With four followers of the whole log among a thousand, encoding was an eighth of the service's CPU. `npm run bench`
// (S5) defends it; a property test proves that the bytes are those of `encodeSubscriptionMessage`.

/** Where an event stands, as a field of a message. */
interface Place {
  readonly bytes: Buffer;
  readonly begin: number;
  readonly end: number;
}

/**
 * By event, as long as somebody holds it: the ring holds at most 16 MiB. What is erased stands there as another object, so
 * that no bytes outlive the erasure.
 */
const places = new WeakMap<Event, Place>();

/** A SubscribeResponse in bytes. */
export function encodeSharedMessage(message: SubscriptionMessage): Buffer<ArrayBuffer> {
  if (!isShared(message)) return encodeSubscriptionMessage(message);
  const runs = runsOf(message.events);
  const rest = encodeSubscriptionMessage({ ...message, events: [] });
  const size = runs.reduce((sum, { begin, end }) => sum + end - begin, 0);
  const out = Buffer.allocUnsafe(size + rest.byteLength);
  let at = 0;
  for (const { bytes, begin, end } of runs) at += bytes.copy(out, at, begin, end);
  rest.copy(out, at);
  return out;
}

/** Where the events stand; those that stand beside each other, as of a page that is wanted whole, in one piece. */
function runsOf(events: readonly Event[]): readonly Place[] {
  const missing = events.filter((event) => !places.has(event));
  if (missing.length > 0) encodeAll(missing);
  const runs: { -readonly [Key in keyof Place]: Place[Key] }[] = [];
  for (const event of events) {
    const place = places.get(event);
    if (place === undefined) throw new Error('An event was not encoded');
    const last = runs.at(-1);
    if (last?.bytes === place.bytes && last.end === place.begin) last.end = place.end;
    else runs.push({ ...place });
  }
  return runs;
}

/** In a LoadResponse an event is the same field as in a SubscribeResponse. */
function encodeAll(events: readonly Event[]): void {
  const encoded = encodeLoadPage({ events, scannedAfter: 0n, scannedTo: 0n, epoch: 0n });
  // Of its own: from Node's pool a small one would hold 8 KiB for as long as it is kept.
  const bytes = Buffer.allocUnsafeSlow(encoded.byteLength);
  encoded.copy(bytes);
  let begin = 0;
  for (const event of events) {
    const end = endOfField(bytes, begin);
    places.set(event, { bytes, begin, end });
    begin = end;
  }
}

/** Behind a tag of one byte, a length and so many bytes. */
function endOfField(bytes: Buffer, begin: number): number {
  let at = begin + 1;
  let length = 0;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[at++] ?? 0;
    length += (byte & 0x7f) * factor;
    if (byte < 0x80) return at + length;
  }
}
