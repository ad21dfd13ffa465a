import type { Event } from '../core/event.js';
import { type Filter, WHOLE_LOG } from '../core/filter.js';
import type { LoadPage } from '../core/load.js';
import { matcher, positionBounds } from '../core/matcher.js';
import { packedPage } from '../core/packed-events.js';
import type { Runtime } from '../core/runtime.js';
import { countEvents } from './count-events.js';
import type { Queries } from './database.js';
import type { EventRows } from './event-rows.js';
import { isDecidedInSql } from './filter-condition.js';
import { oneAhead } from './one-ahead.js';
import type { Place } from './place.js';
import { PageReader } from './page-reader.js';
import { type EventsFound, NOTHING_FOUND } from './select-events.js';
import { PositionWindows, VersionWindows, type Window, type Windows } from './windows.js';
import { withoutTimes } from './without-times.js';

/** What to read, and between which positions. */
export interface ScanRequest {
  readonly place: Place;
  readonly filters: readonly Filter[];
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  /** Above this position … */
  readonly after: bigint;
  /** … up to this one. */
  readonly to: bigint;
  readonly limit: bigint | undefined;
  readonly epoch: bigint;
  /**
   * Whether none of the place's versions is an emptied one that has to be stepped over.
   * @default false
   */
  readonly noShells?: boolean;
  /**
   * The place's first events, a page of them at most.
   * @default they are read
   */
  readonly begun?: EventRows;
}

export interface ScanParts {
  readonly database: Queries;
  readonly schema: string;
  readonly runtime: Runtime;
}

/**
 * The pages of the range, which meet and cover it all; at least one. From the second on the next page is read while the
 * reader has the last; of the database nothing is held meanwhile.
 */
export function scan(
  parts: ScanParts,
  request: ScanRequest,
  signal?: AbortSignal,
): AsyncGenerator<LoadPage, void, undefined> {
  return oneAhead(pagesOf(parts, request, signal), signal);
}

async function* pagesOf(
  parts: ScanParts,
  request: ScanRequest,
  signal?: AbortSignal,
): AsyncGenerator<LoadPage, void, undefined> {
  const { database, schema, runtime } = parts;
  const { place, direction, epoch } = request;
  const forwards = direction === 'FORWARDS';
  const filters = await withoutTimes(database, schema, request.filters, signal);
  // Then one stream's statement stops at a full page by itself.
  const everyEvent = request.noShells === true && filters.length === 0;
  const windows = windowsOf(parts, place, direction, everyEvent);
  const reader = new PageReader(database, schema, request.begun);
  // Where SQL finds too many, the matcher decides on what was fetched.
  const matches = filters.every(isDecidedInSql) ? undefined : matcher(WHOLE_LOG, filters);
  let { after, to } = request;
  // What no filter can match is scanned without a look at it.
  const bounds = positionBounds(filters);
  const lowest = bounds.first - 1n;
  const highest = bounds.last ?? to;
  let left = request.limit;
  do {
    const from = after > lowest ? after : lowest;
    const until = to < highest ? to : highest;
    if (from >= until) {
      yield { events: [], scannedAfter: after, scannedTo: to, epoch };
      return;
    }
    const window = await windows.next(from, until, signal);
    const began = runtime.monotonic();
    let milliseconds = 0;
    const result = { more: false };
    for await (const { rows, more } of foundIn(window, (seen) =>
      reader.read({ ...seen, filters, direction, limit: matches ? undefined : left }, signal),
    )) {
      // Not the time that the reader takes: the first page is a fair measure of all.
      milliseconds ||= runtime.monotonic() - began;
      result.more = more;
      windows.found(rows);
      let last = more ? rows.lastPosition : undefined;
      let matching: readonly Event[] | undefined;
      if (matches !== undefined) {
        matching = rows.unpack().filter(matches);
        if (left !== undefined && BigInt(matching.length) >= left) {
          matching = matching.slice(0, Number(left));
          last = matching.at(-1)?.position;
        }
      }
      if (left !== undefined) left -= BigInt(matching?.length ?? rows.count);
      const page = (range: Omit<LoadPage, 'events'>): LoadPage =>
        matching ? { events: matching, ...range } : packedPage(rows, range);
      if (forwards) {
        const scannedTo = last ?? window.to;
        if (rows.count > 0 || scannedTo > after) yield page({ scannedAfter: after, scannedTo, epoch });
        after = scannedTo;
      } else {
        const scannedAfter = last === undefined ? window.after : last - 1n;
        if (rows.count > 0 || scannedAfter < to) yield page({ scannedAfter, scannedTo: to, epoch });
        to = scannedAfter;
      }
      if (left === 0n) break;
    }
    windows.done(window, { ...result, milliseconds });
  } while (after < to && left !== 0n);
}

/** How many events the scan of the request would give; counted in the database where SQL decides all filters. */
export async function countScanned(
  parts: ScanParts,
  request: Omit<ScanRequest, 'direction' | 'limit'>,
  signal?: AbortSignal,
): Promise<bigint> {
  const { database, schema, runtime } = parts;
  let count = 0n;
  if (!request.filters.every(isDecidedInSql)) {
    for await (const { events } of scan(
      parts,
      { ...request, direction: 'FORWARDS', limit: undefined },
      signal,
    ))
      count += BigInt(events.length);
    return count;
  }
  const filters = await withoutTimes(database, schema, request.filters, signal);
  // A statement that counts does not stop at a full page, so even all of one stream is counted in pieces.
  const windows = windowsOf(parts, request.place, 'FORWARDS', false);
  const bounds = positionBounds(filters);
  const to = bounds.last !== undefined && bounds.last < request.to ? bounds.last : request.to;
  let after = bounds.first - 1n > request.after ? bounds.first - 1n : request.after;
  while (after < to) {
    const window = await windows.next(after, to, signal);
    const began = runtime.monotonic();
    const { place } = window;
    if (place !== undefined)
      count += await countEvents(database, schema, { ...window, place, filters }, signal);
    windows.done(window, { more: false, milliseconds: runtime.monotonic() - began });
    after = window.to;
  }
  return count;
}

function windowsOf(
  { database, schema }: ScanParts,
  place: Place,
  direction: 'FORWARDS' | 'BACKWARDS',
  everyEvent: boolean,
): Windows {
  return place.kind === 'VERSIONS'
    ? new VersionWindows({ ...place, database, schema, direction, everyEvent })
    : new PositionWindows(place, direction);
}

async function* foundIn(
  { place, after, to }: Window,
  read: (seen: { place: Place; after: bigint; to: bigint }) => AsyncIterable<EventsFound>,
): AsyncGenerator<EventsFound, void, undefined> {
  if (place === undefined) yield NOTHING_FOUND;
  else yield* read({ place, after, to });
}
