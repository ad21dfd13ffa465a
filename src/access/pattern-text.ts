import type { StreamPattern } from '../core/filter.js';

/** As it is written on the command line: `Order/eu-1`, `Order/eu-*`, `Order/*`; a star in front is any type. */
export function patternText({
  aggregateId,
  aggregateIdPrefix = '',
  aggregateType = '*',
}: StreamPattern): string {
  return `${aggregateType}/${aggregateId ?? `${aggregateIdPrefix}*`}`;
}
