import { EventView } from '../core/event-view.js';
import { type StreamId, streamKey } from '../core/stream.js';
import type { Queries } from './database.js';
import type { Place, VersionRange } from './place.js';
import type { EventRows } from './event-rows.js';
import { streamWindows } from './stream-windows.js';

/** What one statement looks at: events of a place in a range of positions. */
export interface Window {
  /** `undefined` if there is nothing in the range. */
  readonly place: Place | undefined;
  readonly after: bigint;
  readonly to: bigint;
}

/** What became of a window: with `more` the statement stopped before its end, at the last event that was found. */
export interface WindowResult {
  readonly more: boolean;
  readonly milliseconds: number;
}

/**
 * Cuts a scan into statements that each look at so much at most, so that a narrow filter in a long log is many short
 * statements that tell how far they are, and not one long one. How much follows the time that a statement takes.
 */
export interface Windows {
  /** The next piece of a range, from its beginning on, or read backwards from its end. */
  next(after: bigint, to: bigint, signal?: AbortSignal): Promise<Window>;
  /** Tells what was found in it, piece by piece. */
  found(rows: EventRows): void;
  /** Tells what became of it. */
  done(window: Window, result: WindowResult): void;
}

const QUICK_MILLISECONDS = 50;
const SLOW_MILLISECONDS = 200;

/** A size that doubles while statements are quick, and halves while they are slow. */
class Pace {
  #size: bigint;
  readonly #least: bigint;
  readonly #most: bigint;

  constructor(first: bigint, least: bigint, most: bigint) {
    this.#size = first;
    this.#least = least;
    this.#most = most;
  }

  get size(): bigint {
    return this.#size;
  }

  took(milliseconds: number): void {
    if (milliseconds < QUICK_MILLISECONDS)
      this.#size = this.#size * 2n < this.#most ? this.#size * 2n : this.#most;
    if (milliseconds > SLOW_MILLISECONDS) this.less();
  }

  less(): void {
    this.#size = this.#size / 2n > this.#least ? this.#size / 2n : this.#least;
  }
}

/** Of the whole log, or of aggregate types: so many positions at most. */
export class PositionWindows implements Windows {
  readonly #place: Place;
  readonly #forwards: boolean;
  readonly #pace = new Pace(20_000n, 2_000n, 2_000_000n);

  constructor(place: Place, direction: 'FORWARDS' | 'BACKWARDS') {
    this.#place = place;
    this.#forwards = direction === 'FORWARDS';
  }

  next(after: bigint, to: bigint): Promise<Window> {
    const { size } = this.#pace;
    const place = this.#place;
    if (to - after <= size) return Promise.resolve({ place, after, to });
    return Promise.resolve(
      this.#forwards ? { place, after, to: after + size } : { place, after: to - size, to },
    );
  }

  // A position tells where to go on.
  found(): void {}

  done(_: Window, { more, milliseconds }: WindowResult): void {
    if (!more) this.#pace.took(milliseconds);
  }
}

/** So many versions are read without asking first where they lie. */
const FEW_VERSIONS = 2_000n;
const ALL_VERSIONS = 2n ** 62n;

export interface VersionWindowsOptions {
  readonly database: Queries;
  readonly schema: string;
  readonly ranges: readonly VersionRange[];
  /** Whether all of them lie between the positions that are read. */
  readonly within: boolean;
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  /** Whether every event of these versions is delivered, so that reading one stream stops at a full page by itself. */
  readonly everyEvent: boolean;
}

/**
 * Of some streams: so many versions of each at most. Each stream goes on where it was left, so a long one among short ones
 * is read once, and not for every page again.
 */
export class VersionWindows implements Windows {
  readonly #options: VersionWindowsOptions;
  readonly #forwards: boolean;
  readonly #pace: Pace;
  /** What remains of each stream. */
  readonly #rest: Map<string, VersionRange>;
  #within: boolean;

  constructor(options: VersionWindowsOptions) {
    this.#options = options;
    this.#forwards = options.direction === 'FORWARDS';
    this.#within = options.within;
    this.#rest = new Map(options.ranges.map((range) => [streamKey(range.stream), range]));
    const share = FEW_VERSIONS / BigInt(options.ranges.length || 1);
    this.#pace = new Pace(share > 16n ? share : 16n, 16n, 100_000n);
  }

  async next(after: bigint, to: bigint, signal?: AbortSignal): Promise<Window> {
    const ranges = [...this.#rest.values()];
    const versions = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
    const whole = this.#options.everyEvent && ranges.length === 1;
    if (versions <= FEW_VERSIONS || (whole && this.#within))
      return { place: placeOf(ranges, this.#within), after, to };
    const { database, schema, direction } = this.#options;
    const most = whole ? ALL_VERSIONS : this.#pace.size;
    const window = await streamWindows(database, schema, { ranges, after, to, most, direction }, signal);
    // What lies before the window is done with; of one stream alone all that is left is in it.
    for (const { stream, first, last } of window.ranges)
      this.#goOn(stream, whole ? { first, last } : this.#forwards ? { first } : { last });
    this.#within ||= whole;
    return { place: placeOf(window.ranges, true), after: window.after, to: window.to };
  }

  found(rows: EventRows): void {
    // Of one stream the last event tells all.
    const from = this.#rest.size === 1 ? Math.max(rows.count - 1, 0) : 0;
    const view = new EventView(rows);
    for (let index = from; index < rows.count; index++) {
      const { stream, version } = view.at(index);
      this.#goOn(stream, this.#forwards ? { first: version + 1n } : { last: version - 1n });
    }
  }

  done({ place }: Window, { more, milliseconds }: WindowResult): void {
    if (more) {
      this.#pace.less();
      return;
    }
    this.#pace.took(milliseconds);
    if (place?.kind !== 'VERSIONS') return;
    for (const { stream, first, last } of place.ranges)
      this.#goOn(stream, this.#forwards ? { first: last + 1n } : { last: first - 1n });
  }

  #goOn(stream: StreamId, bound: Partial<VersionRange>): void {
    const key = streamKey(stream);
    const rest = this.#rest.get(key);
    if (rest === undefined) return;
    const next = { ...rest, ...bound };
    if (next.first <= next.last) this.#rest.set(key, next);
    else this.#rest.delete(key);
  }
}

function placeOf(ranges: readonly VersionRange[], within: boolean): Place | undefined {
  const some = ranges.filter(({ first, last }) => first <= last);
  return some.length === 0 ? undefined : { kind: 'VERSIONS', ranges: some, within };
}
