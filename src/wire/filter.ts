import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Filter as WireFilter,
  FilterSchema,
  type StreamPattern as WireStreamPattern,
  type StreamPatternSchema,
  type TimeRange as WireTimeRange,
} from '../../gen/headwater/v1/filter_pb.js';
import type {
  LoadRequest as WireLoadRequest,
  LoadRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { type Filter, type Range, type Scope, type StreamPattern, WHOLE_LOG } from '../core/filter.js';
import type { Violations } from '../core/validate.js';
import { fromWireComparison, toWireComparison } from './comparison.js';
import { fromWireStream, readWireStream, toWireStream } from './stream.js';
import { fromWireTimestamp, toWireTimestamp } from './timestamp.js';

/** The `scope` of LoadRequest, SubscribeRequest and CountEventsRequest, which are the same. */
type WireScope = WireLoadRequest['scope'];
type WireScopeInit = NonNullable<MessageInitShape<typeof LoadRequestSchema>['scope']>;

export function toWireScope(scope: Scope = WHOLE_LOG): WireScopeInit {
  switch (scope.kind) {
    case 'LOG':
      return { case: undefined };
    case 'STREAM':
      return { case: 'stream', value: toWireStream(scope.stream) };
    case 'STREAMS':
      return { case: 'streams', value: { streams: scope.streams.map(toWireStream) } };
    case 'AGGREGATE_TYPES':
      return { case: 'aggregateTypes', value: { aggregateTypes: [...scope.aggregateTypes] } };
  }
}

export function fromWireScope(scope: WireScope, violations: Violations): Scope {
  switch (scope.case) {
    case 'stream':
      return { kind: 'STREAM', stream: readWireStream(scope.value) };
    case 'streams':
      return {
        kind: 'STREAMS',
        streams: scope.value.streams.map((stream, index) =>
          fromWireStream(stream, `streams.streams[${index}]`, violations),
        ),
      };
    case 'aggregateTypes':
      return { kind: 'AGGREGATE_TYPES', aggregateTypes: scope.value.aggregateTypes };
    default:
      return WHOLE_LOG;
  }
}

export function toWireFilter(filter: Filter): WireFilter {
  const init: MessageInitShape<typeof FilterSchema> = {
    eventTypes: filter.eventTypes ? [...filter.eventTypes] : [],
    tags: filter.tags ? [...filter.tags] : [],
    metadata: filter.metadata?.map(toWireComparison) ?? [],
    streams: filter.streams?.map(toWirePattern) ?? [],
  };
  if (filter.versions) init.versions = toWireRange(filter.versions);
  if (filter.positions) init.positions = toWireRange(filter.positions);
  const { recorded } = filter;
  if (recorded)
    init.recorded = {
      ...(recorded.first === undefined ? {} : { first: toWireTimestamp(recorded.first) }),
      ...(recorded.last === undefined ? {} : { last: toWireTimestamp(recorded.last) }),
    };
  return create(FilterSchema, init);
}

export function fromWireFilter(filter: WireFilter, field: string, violations: Violations): Filter {
  const { eventTypes, tags, versions, positions, recorded, metadata, streams } = filter;
  return {
    ...(eventTypes.length === 0 ? {} : { eventTypes }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(versions ? { versions: fromWireRange(versions) } : {}),
    ...(positions ? { positions: fromWireRange(positions) } : {}),
    ...(recorded ? { recorded: fromWireTimes(recorded, `${field}.recorded`, violations) } : {}),
    ...(metadata.length === 0
      ? {}
      : {
          metadata: metadata.map((comparison, index) =>
            fromWireComparison(comparison, `${field}.metadata[${index}]`, violations),
          ),
        }),
    ...(streams.length === 0 ? {} : { streams: streams.map(fromWirePattern) }),
  };
}

export function toWirePattern({
  aggregateType = '',
  aggregateId,
  aggregateIdPrefix,
}: StreamPattern): MessageInitShape<typeof StreamPatternSchema> {
  if (aggregateId !== undefined)
    return { aggregateType, aggregateIds: { case: 'aggregateId', value: aggregateId } };
  if (aggregateIdPrefix !== undefined)
    return { aggregateType, aggregateIds: { case: 'aggregateIdPrefix', value: aggregateIdPrefix } };
  return { aggregateType };
}

/** An id that is there and empty is refused later: it is not the same as none. */
export function fromWirePattern({ aggregateType, aggregateIds }: WireStreamPattern): StreamPattern {
  return {
    ...(aggregateType === '' ? {} : { aggregateType }),
    ...(aggregateIds.case === undefined ? {} : { [aggregateIds.case]: aggregateIds.value }),
  };
}

/** On the wire 0 is no bound. */
function toWireRange(range: Range<bigint>): { first: bigint; last: bigint } {
  return { first: range.first ?? 0n, last: range.last ?? 0n };
}

function fromWireRange(range: { first: bigint; last: bigint }): Range<bigint> {
  return {
    ...(range.first === 0n ? {} : { first: range.first }),
    ...(range.last === 0n ? {} : { last: range.last }),
  };
}

function fromWireTimes(range: WireTimeRange, field: string, violations: Violations): Range<bigint> {
  return {
    ...(range.first ? { first: fromWireTimestamp(range.first, `${field}.first`, violations) } : {}),
    ...(range.last ? { last: fromWireTimestamp(range.last, `${field}.last`, violations) } : {}),
  };
}
