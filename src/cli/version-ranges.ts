import type { Range } from '../core/filter.js';
import { UsageError } from './exit-codes.js';

type VersionRange = Required<Range<bigint>>;

/** Versions as `3-5,9`: ascending and without repetition, whatever was written. Throws `UsageError`. */
export function versionRangesFrom(value: string): readonly VersionRange[] {
  const given = value.split(',').map((part) => {
    const [, first, last] = /^\s*([1-9]\d{0,18})(?:\s*-\s*([1-9]\d{0,18}))?\s*$/.exec(part) ?? [];
    if (first === undefined)
      throw new UsageError(
        `--versions ${JSON.stringify(value)} has ${JSON.stringify(part)}, which is no version from 1: write 3-5,9`,
      );
    const range = { first: BigInt(first), last: BigInt(last ?? first) };
    if (range.first > range.last)
      throw new UsageError(
        `--versions ${JSON.stringify(value)} has ${part.trim()}, which begins behind its end: write ${last}-${first}`,
      );
    return range;
  });
  const merged: VersionRange[] = [];
  for (const range of given.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = merged.at(-1);
    if (before !== undefined && range.first <= before.last + 1n) {
      if (range.last > before.last) merged[merged.length - 1] = { first: before.first, last: range.last };
    } else merged.push(range);
  }
  return merged;
}

/** As `3-5, 9`. */
export function describeVersions(ranges: readonly VersionRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}
