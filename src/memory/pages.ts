import { type Event, eventBytes } from '../core/event.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { LoadPage } from '../core/load.js';
import { countBefore } from './count-before.js';
import type { Entry } from './tables.js';

/** What is read: the positions above `after` up to `to`. */
export interface PagesRange {
  readonly after: bigint;
  readonly to: bigint;
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  readonly limit: bigint | undefined;
  readonly epoch: bigint;
}

/** So many events are looked at for one page, so that a narrow filter tells how far it is. */
const WINDOW = 20_000;

/**
 * The pages of a range, which meet and cover it all; at least one. Events are copied out; over those that are gone only
 * the range passes.
 *
 * @param candidates in position order: those of all events, or those of one stream; may grow meanwhile
 */
export async function* pages(
  candidates: readonly Entry[],
  range: PagesRange,
  matches: (event: Event) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<LoadPage, void, undefined> {
  const { direction, epoch } = range;
  const forwards = direction === 'FORWARDS';
  const step = forwards ? 1 : -1;
  const first = countBefore(candidates, ({ event }) => event.position <= range.after);
  const last = countBefore(candidates, ({ event }) => event.position <= range.to) - 1;
  let { after, to, limit } = range;
  let index = forwards ? first : last;
  do {
    // Between two pages others get their turn, as they do where there is I/O.
    await Promise.resolve();
    signal?.throwIfAborted();
    const events: Event[] = [];
    let bytes = 0;
    // The last position of the page: the whole rest, unless the page is full before.
    let reached = forwards ? to : after + 1n;
    for (let looked = 0; index >= first && index <= last; looked += 1, index += step) {
      const entry = candidates[index];
      if (entry === undefined) break;
      const { event } = entry;
      const size = !entry.gone && matches(event) ? eventBytes(event) : undefined;
      const tooMuch = size !== undefined && (bytes + size > PAGE_BYTES || events.length >= PAGE_EVENTS);
      if (looked === WINDOW || (events.length > 0 && tooMuch)) {
        reached = event.position - BigInt(step);
        break;
      }
      if (size === undefined) continue;
      events.push(copied(event));
      bytes += size;
      if (limit === undefined) continue;
      limit -= 1n;
      if (limit > 0n) continue;
      reached = event.position;
      break;
    }
    if (forwards) {
      yield { events, scannedAfter: after, scannedTo: reached, epoch };
      after = reached;
    } else {
      yield { events, scannedAfter: reached - 1n, scannedTo: to, epoch };
      to = reached - 1n;
    }
  } while (after < to && limit !== 0n);
}

/** The event with bytes of its own; all else in it is frozen. */
export function copied(event: Event): Event {
  return { ...event, data: Uint8Array.from(event.data) };
}
