import { type Event, eventBytes } from '../core/event.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { LoadPage } from '../core/load.js';
import type { Matcher } from '../core/matcher.js';

/** What to read, and between which positions. */
export interface PagesRequest {
  /** In position order; may grow at its end while it is read. */
  readonly events: readonly Event[];
  readonly matches: Matcher;
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  /** Above this position … */
  readonly after: bigint;
  /** … up to this one, which is at least `after`. */
  readonly to: bigint;
  readonly limit?: bigint | undefined;
  readonly epoch: bigint;
}

/** A page ends after so many events were looked at, matching or not, so that a narrow filter tells how far it is. */
const PAGE_SCANNED = 10_000;

/** The pages of the range, which meet and cover all of it, or as far as the limit lets them; at least one. */
export function* pages(request: PagesRequest): Generator<LoadPage, void, undefined> {
  const { events, matches, direction, epoch } = request;
  const forwards = direction === 'FORWARDS';
  const step = forwards ? 1 : -1;
  const start = countUpTo(events, request.after);
  const end = countUpTo(events, request.to);
  let { after, to } = request;
  let left = request.limit;
  let index = forwards ? start : end - 1;
  do {
    const found: Event[] = [];
    let bytes = 0;
    let reached = forwards ? to : after + 1n;
    for (let scanned = 0; index >= start && index < end; index += step) {
      const event = events[index];
      if (event === undefined) break;
      const size = matches(event) ? eventBytes(event) : undefined;
      const isFull =
        found.length === PAGE_EVENTS ||
        (size !== undefined && found.length > 0 && bytes + size > PAGE_BYTES) ||
        scanned === PAGE_SCANNED;
      if (isFull) {
        reached = event.position - BigInt(step);
        break;
      }
      scanned += 1;
      if (size === undefined) continue;
      found.push(event);
      bytes += size;
      if (left === undefined) continue;
      left -= 1n;
      if (left > 0n) continue;
      reached = event.position;
      break;
    }
    if (forwards) {
      yield { events: found, scannedAfter: after, scannedTo: reached, epoch };
      after = reached;
    } else {
      yield { events: found, scannedAfter: reached - 1n, scannedTo: to, epoch };
      to = reached - 1n;
    }
  } while (after < to && left !== 0n);
}

/** How many of the events stand at or below the position; so also the index of the first one above it. */
function countUpTo(events: readonly Event[], position: bigint): number {
  return partitionPoint(events, (event) => event.position <= position);
}

/** How many events are in front of the first one for which `isBefore` no longer holds; by halving. */
export function partitionPoint(events: readonly Event[], isBefore: (event: Event) => boolean): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const event = events[middle];
    if (event !== undefined && isBefore(event)) low = middle + 1;
    else high = middle;
  }
  return low;
}
