import { type Filter, WHOLE_LOG } from '../core/filter.js';
import { PAGE_EVENTS } from '../core/limits.js';
import type { LoadPage } from '../core/load.js';
import { matcher, positionBounds } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import { countEvents } from './count-events.js';
import type { Queries } from './database.js';
import { isDecidedInSql } from './filter-condition.js';
import type { Place } from './place.js';
import { type EventsFound, selectEvents } from './select-events.js';
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
}

export interface ScanParts {
  readonly database: Queries;
  readonly schema: string;
  readonly runtime: Runtime;
}

const NOTHING: EventsFound = { events: [], more: false };

/** The pages of the range, which meet and cover it all; at least one. Between pages nothing is held. */
export async function* scan(
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
    const limit =
      matches === undefined && left !== undefined && left < BigInt(PAGE_EVENTS) ? Number(left) : PAGE_EVENTS;
    const began = runtime.monotonic();
    const found = await foundIn(window, (seen) =>
      selectEvents(database, schema, { ...seen, filters, direction, limit }, signal),
    );
    windows.done(window, { ...found, milliseconds: runtime.monotonic() - began });
    const matching = matches === undefined ? found.events : found.events.filter(matches);
    const full = left !== undefined && BigInt(matching.length) >= left;
    const events = full ? matching.slice(0, Number(left)) : matching;
    if (left !== undefined) left -= BigInt(events.length);
    const last = full ? events.at(-1) : found.more ? found.events.at(-1) : undefined;
    if (forwards) {
      const scannedTo = last?.position ?? window.to;
      yield { events, scannedAfter: after, scannedTo, epoch };
      after = scannedTo;
    } else {
      const scannedAfter = last === undefined ? window.after : last.position - 1n;
      yield { events, scannedAfter, scannedTo: to, epoch };
      to = scannedAfter;
    }
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
    windows.done(window, { ...NOTHING, milliseconds: runtime.monotonic() - began });
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

function foundIn(
  { place, after, to }: Window,
  select: (seen: { place: Place; after: bigint; to: bigint }) => Promise<EventsFound>,
): Promise<EventsFound> {
  return place === undefined ? Promise.resolve(NOTHING) : select({ place, after, to });
}
