import type { Filter, Range } from '../core/filter.js';
import type { Queries } from './database.js';
import { positionBefore } from './position-before.js';

/** The filters with times turned into positions, which is exact: recorded_at never runs backwards along positions. */
export async function withoutTimes(
  database: Queries,
  schema: string,
  filters: readonly Filter[],
  signal: AbortSignal | undefined,
): Promise<readonly Filter[]> {
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
