import type { Filter, Range, Scope } from '../core/filter.js';
import { PAGE_EVENTS } from '../core/limits.js';
import type { LoadPage } from '../core/load.js';
import { positionBounds } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import type { Database } from './database.js';
import { positionBefore } from './position-before.js';
import { selectEvents } from './select-events.js';

/** What to read, and between which positions. */
export interface ScanRequest {
  readonly scope: Scope;
  readonly filters: readonly Filter[];
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  /** Above this position … */
  readonly after: bigint;
  /** … up to this one. */
  readonly to: bigint;
  readonly limit: bigint | undefined;
  readonly epoch: bigint;
}

export interface ScanParts {
  readonly database: Database;
  readonly schema: string;
  readonly runtime: Runtime;
}

// A statement looks at so many positions at most, so that a narrow filter in a long log is many short statements that tell
// how far they are, and not one long one. The window follows the time that a statement takes.
const FIRST_WINDOW = 20_000n;
const SMALLEST_WINDOW = 2_000n;
const LARGEST_WINDOW = 2_000_000n;
const QUICK_MILLISECONDS = 50;
const SLOW_MILLISECONDS = 200;

/** The pages of the range, which meet and cover it all; at least one. Between pages nothing is held. */
export async function* scan(
  parts: ScanParts,
  request: ScanRequest,
  signal?: AbortSignal,
): AsyncGenerator<LoadPage, void, undefined> {
  const { database, schema, runtime } = parts;
  const { scope, direction, epoch } = request;
  const forwards = direction === 'FORWARDS';
  const filters = await withoutTimes(parts, request.filters, signal);
  let { after, to } = request;
  // What no filter can match is scanned without a look at it.
  const bounds = positionBounds(filters);
  const lowest = bounds.first - 1n;
  const highest = bounds.last ?? to;
  let left = request.limit;
  let beyondVersion: bigint | undefined;
  let window = FIRST_WINDOW;
  do {
    // One stream is found by its index, however long the log.
    const from = after > lowest ? after : lowest;
    const until = to < highest ? to : highest;
    if (from >= until) {
      yield { events: [], scannedAfter: after, scannedTo: to, epoch };
      return;
    }
    const bounded = scope.kind === 'STREAM' ? until - from : window;
    const windowAfter = !forwards && until - bounded > from ? until - bounded : from;
    const windowTo = forwards && from + bounded < until ? from + bounded : until;
    const limit = left !== undefined && left < BigInt(PAGE_EVENTS) ? Number(left) : PAGE_EVENTS;
    const began = runtime.monotonic();
    const { events, more } = await selectEvents(
      database,
      schema,
      { scope, filters, direction, after: windowAfter, to: windowTo, beyondVersion, limit },
      signal,
    );
    if (!more) window = nextWindow(window, runtime.monotonic() - began);
    const last = events.at(-1);
    if (scope.kind === 'STREAM' && last !== undefined) beyondVersion = last.version;
    if (left !== undefined) left -= BigInt(events.length);
    const stopped = more && last !== undefined;
    if (forwards) {
      const scannedTo = stopped ? last.position : windowTo;
      yield { events, scannedAfter: after, scannedTo, epoch };
      after = scannedTo;
    } else {
      const scannedAfter = stopped ? last.position - 1n : windowAfter;
      yield { events, scannedAfter, scannedTo: to, epoch };
      to = scannedAfter;
    }
  } while (after < to && left !== 0n);
}

function nextWindow(window: bigint, milliseconds: number): bigint {
  if (milliseconds < QUICK_MILLISECONDS) return window * 2n < LARGEST_WINDOW ? window * 2n : LARGEST_WINDOW;
  if (milliseconds > SLOW_MILLISECONDS) return window / 2n > SMALLEST_WINDOW ? window / 2n : SMALLEST_WINDOW;
  return window;
}

/** The filters with times turned into positions, which is exact: recorded_at never runs backwards along positions. */
async function withoutTimes(
  parts: ScanParts,
  filters: readonly Filter[],
  signal: AbortSignal | undefined,
): Promise<readonly Filter[]> {
  const { database, schema } = parts;
  return Promise.all(
    filters.map(async (filter) => {
      const { recorded, ...rest } = filter;
      if (recorded === undefined) return filter;
      const times: Range<bigint> = {
        ...(recorded.first === undefined
          ? {}
          : { first: (await positionBefore(database, schema, recorded.first, signal)) + 1n }),
        ...(recorded.last === undefined
          ? {}
          : { last: await positionBefore(database, schema, recorded.last + 1n, signal) }),
      };
      return { ...rest, positions: intersection(rest.positions ?? {}, times) };
    }),
  );
}

function intersection(a: Range<bigint>, b: Range<bigint>): Range<bigint> {
  const first = a.first === undefined || (b.first !== undefined && b.first > a.first) ? b.first : a.first;
  const last = a.last === undefined || (b.last !== undefined && b.last < a.last) ? b.last : a.last;
  return { ...(first === undefined ? {} : { first }), ...(last === undefined ? {} : { last }) };
}
