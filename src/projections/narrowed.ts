import type { Filter, Range } from '../core/filter.js';

/** Filters that match what these match, within lower bounds of versions and positions and an upper bound of positions. */
export function narrowed(
  filters: readonly Filter[] = [],
  bounds: {
    readonly firstVersion?: bigint;
    readonly firstPosition?: bigint;
    readonly lastPosition?: bigint;
  },
): readonly Filter[] {
  return (filters.length === 0 ? [{}] : filters).map((filter: Filter) => ({
    ...filter,
    versions: from(filter.versions, bounds.firstVersion),
    positions: upTo(from(filter.positions, bounds.firstPosition), bounds.lastPosition),
  }));
}

function from(range: Range<bigint> = {}, first: bigint | undefined): Range<bigint> {
  if (first === undefined || (range.first !== undefined && range.first >= first)) return range;
  return { ...range, first };
}

function upTo(range: Range<bigint>, last: bigint | undefined): Range<bigint> {
  if (last === undefined || (range.last !== undefined && range.last <= last)) return range;
  return { ...range, last };
}
