import { type Event, eventBytes } from '../../core/event.js';
import { DELIVERY_BYTES } from './group-limits.js';
import type { GroupStream } from './group-stream.js';

/**
 * Streams whose turn it may be. With one slot there is one order over all streams: then nothing is delivered before all in
 * front of it is done, but for replays, which are out of order as such.
 */
export function candidates(ready: ReadonlySet<GroupStream>, oneOrder: boolean): Iterable<GroupStream> {
  if (!oneOrder) return ready;
  const some: GroupStream[] = [];
  let lowest: GroupStream | undefined;
  for (const stream of ready)
    if (stream.replayed) some.push(stream);
    else if (lowest === undefined || isBefore(stream, lowest)) lowest = stream;
  return lowest === undefined ? some : [...some, lowest];
}

/** Only events of the stream below this one may be delivered, or none at all. */
export function deliverableBelow(stream: GroupStream, now: number, oneOrder: boolean): bigint | undefined {
  const { slot } = stream;
  const [first] = stream.queue;
  if (first === undefined || slot.state === 'RELEASED' || slot.state === 'GONE') return undefined;
  let bound = 2n ** 63n;
  if (slot.state === 'RELEASING') {
    if (stream.replayed || now >= slot.deliversUntil) return undefined;
    bound = slot.doneUpTo;
  }
  if (oneOrder && !stream.replayed)
    for (const other of slot.open) {
      const open = other === stream ? undefined : other.firstOpen;
      if (open !== undefined && open < bound) bound = open;
    }
  return first.position < bound ? bound : undefined;
}

/** How many of these events go together. */
export function together(events: readonly Event[], below: bigint, most: number): number {
  let bytes = 0;
  let count = 0;
  for (const event of events) {
    bytes += eventBytes(event);
    if (count >= most || event.position >= below || (count > 0 && bytes > DELIVERY_BYTES)) break;
    count += 1;
  }
  return count;
}

/** The bytes of these events, or more than a delivery holds. */
export function bytesAtMost(events: readonly Event[]): number {
  let bytes = 0;
  for (const event of events) {
    bytes += eventBytes(event);
    if (bytes > DELIVERY_BYTES) break;
  }
  return Math.min(bytes, DELIVERY_BYTES);
}

function isBefore(one: GroupStream, other: GroupStream): boolean {
  return (one.firstOpen ?? 0n) < (other.firstOpen ?? 0n);
}
