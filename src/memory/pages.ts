import { type Event, eventBytes } from '../core/event.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { LoadPage } from '../core/load.js';
import type { Matcher } from '../core/matcher.js';

/** What is read: the positions above `after` up to `to`. */
export interface PagesRange {
  readonly after: bigint;
  readonly to: bigint;
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  readonly limit: bigint | undefined;
  readonly epoch: bigint;
}

/** So many positions are looked at for one page, so that a narrow filter tells how far it is. */
const WINDOW = 20_000n;

/** The pages of a range, which meet and cover it all; at least one. Events are copied out. */
export async function* pages(
  eventAt: (position: bigint) => Event | undefined,
  range: PagesRange,
  matches: Matcher,
  signal?: AbortSignal,
): AsyncGenerator<LoadPage, void, undefined> {
  const { direction, epoch } = range;
  const forwards = direction === 'FORWARDS';
  let { after, to, limit } = range;
  do {
    // Between two pages others get their turn, as they do where there is I/O.
    await Promise.resolve();
    signal?.throwIfAborted();
    const events: Event[] = [];
    let bytes = 0;
    let looked = 0n;
    while (after + looked < to && looked < WINDOW) {
      const event = eventAt(forwards ? after + looked + 1n : to - looked);
      if (event !== undefined && matches(event)) {
        const size = eventBytes(event);
        if (events.length > 0 && (bytes + size > PAGE_BYTES || events.length >= PAGE_EVENTS)) break;
        events.push(copied(event));
        bytes += size;
        if (limit !== undefined) limit -= 1n;
      }
      looked += 1n;
      if (limit === 0n) break;
    }
    if (forwards) {
      yield { events, scannedAfter: after, scannedTo: after + looked, epoch };
      after += looked;
    } else {
      yield { events, scannedAfter: to - looked, scannedTo: to, epoch };
      to -= looked;
    }
  } while (after < to && limit !== 0n);
}

/** The event with bytes of its own; all else in it is frozen. */
export function copied(event: Event): Event {
  return { ...event, data: Uint8Array.from(event.data) };
}
