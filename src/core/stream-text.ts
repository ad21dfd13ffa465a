import type { StreamPattern } from './filter.js';
import type { StreamId } from './stream.js';

/** A stream in one word, as the command line has it: `Account/42`; a slash in the type is `%2F`. */
export function streamText({ aggregateId, aggregateType }: StreamId): string {
  const type = aggregateType.replaceAll(/%(?=25|2F)/gi, '%25').replaceAll('/', '%2F');
  return `${type}/${aggregateId}`;
}

/** The same for several: `Order/eu-*` those whose id begins so, `Order/*` all; a star in front is any type. */
export function patternText(pattern: StreamPattern): string {
  const { aggregateId, aggregateIdPrefix = '', aggregateType = '*' } = pattern;
  return streamText({ aggregateType, aggregateId: aggregateId ?? `${aggregateIdPrefix}*` });
}
