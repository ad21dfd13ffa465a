import type { Event } from './event.js';
import type { Filter, Range, Scope, StreamPattern } from './filter.js';
import { metadataComparison } from './metadata-comparison.js';
import { type StreamId, streamKey } from './stream.js';

/** Decides whether an event belongs to the answer; asks it for no more than it needs to know. */
export type Matcher = (event: Omit<Event, 'erased'>) => boolean;

/**
 * The one meaning of scope and filters, for the memory store, the live ring and, where SQL only narrows, the
 * Postgres store: in the scope, and matched by at least one filter (no filters: by all). Patterns are compiled once, here.
 *
 * Of an erased event only the shell is left, so it is found by stream, type, version, position and time, never by a tag,
 * and its metadata is empty.
 */
export function matcher(scope: Scope, filters: readonly Filter[] = []): Matcher {
  const inScope = scopeMatcher(scope);
  if (filters.length === 0) return inScope;
  const any = filters.map(filterMatcher);
  return (event) => inScope(event) && any.some((matches) => matches(event));
}

function scopeMatcher(scope: Scope): Matcher {
  switch (scope.kind) {
    case 'LOG':
      return () => true;
    case 'STREAM': {
      const { aggregateType, aggregateId } = scope.stream;
      return ({ stream }) => stream.aggregateId === aggregateId && stream.aggregateType === aggregateType;
    }
    case 'STREAMS': {
      const keys = new Set(scope.streams.map(streamKey));
      return (event) => keys.has(streamKey(event.stream));
    }
    case 'AGGREGATE_TYPES': {
      const types = new Set(scope.aggregateTypes);
      return (event) => types.has(event.stream.aggregateType);
    }
  }
}

function filterMatcher(filter: Filter): Matcher {
  const { eventTypes, tags, versions, positions, recorded } = filter;
  const streams = filter.streams?.length ? filter.streams : undefined;
  const types = eventTypes?.length ? new Set(eventTypes) : undefined;
  const comparisons = (filter.metadata ?? []).map(metadataComparison);
  return (event) =>
    (types === undefined || types.has(event.eventType)) &&
    (tags === undefined || tags.every((tag) => event.tags.includes(tag))) &&
    (versions === undefined || within(versions, event.version)) &&
    (positions === undefined || within(positions, event.position)) &&
    (recorded === undefined || within(recorded, event.recordedAt)) &&
    namedByAny(streams, event.stream) &&
    namedByAny(filter.only, event.stream) &&
    comparisons.every((holds) => holds(event.metadata));
}

/** Whether any of the patterns names the stream; without patterns all are named. */
export function namedByAny(patterns: readonly StreamPattern[] | undefined, stream: StreamId): boolean {
  return patterns === undefined || patterns.some((pattern) => namesStream(pattern, stream));
}

/** Whether the pattern names the stream. */
export function namesStream(
  { aggregateType, aggregateId, aggregateIdPrefix }: StreamPattern,
  stream: StreamId,
): boolean {
  return (
    (aggregateType === undefined || stream.aggregateType === aggregateType) &&
    (aggregateId === undefined || stream.aggregateId === aggregateId) &&
    (aggregateIdPrefix === undefined || stream.aggregateId.startsWith(aggregateIdPrefix))
  );
}

function within(range: Range<bigint>, value: bigint): boolean {
  return (
    (range.first === undefined || value >= range.first) && (range.last === undefined || value <= range.last)
  );
}

/**
 * The positions outside which no filter can match, so that a store need not look there.
 * `last` is `undefined` where some filter has no upper bound.
 */
export function positionBounds(filters: readonly Filter[]): { first: bigint; last: bigint | undefined } {
  let first: bigint | undefined;
  let last: bigint | undefined = 0n;
  for (const { positions } of filters) {
    const from = positions?.first ?? 1n;
    first = first === undefined || from < first ? from : first;
    const to = positions?.last;
    last = last === undefined || to === undefined ? undefined : to > last ? to : last;
  }
  return filters.length === 0 ? { first: 1n, last: undefined } : { first: first ?? 1n, last };
}
