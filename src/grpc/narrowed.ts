import type { Plan } from '../auth/plan.js';
import type { Filter, StreamPattern } from '../core/filter.js';

/** The plan of a read, with its answer narrowed to some streams. */
export type Narrow<P extends Plan> = (plan: P, only: readonly StreamPattern[]) => P;

/**
 * Filters that match what these match, of the streams that may be seen. The policy becomes part of the query, so that
 * counts, lists and positions agree with it.
 */
export function narrowedFilters(
  filters: readonly Filter[] | undefined,
  only: readonly StreamPattern[],
): readonly Filter[] {
  return filters === undefined || filters.length === 0
    ? [{ only }]
    : filters.map((filter) => ({ ...filter, only }));
}
