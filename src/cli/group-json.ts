import type { ConsumerGroup, GroupState, ParkedStream } from '../core/consumer-groups.js';
import type { Filter, Range, Scope } from '../core/filter.js';
import type { EventSelection } from '../core/selection.js';
import { nameOf } from './stream-argument.js';
import { isoTime } from './time.js';

/** A group, as `group` prints it. Numbers that may be large are strings, filters as `--filter` takes them. */
export function groupToJson({
  name,
  selection,
  settings,
  slots,
  createdAt,
}: ConsumerGroup): Record<string, unknown> {
  return {
    name,
    selection: selectionToJson(selection),
    settings: {
      ack_timeout_ms: settings.ackTimeoutMs,
      max_attempts: settings.maxAttempts,
      retry_delay_ms: settings.retryDelayMs,
      max_retry_delay_ms: settings.maxRetryDelayMs,
    },
    slots,
    created_at: isoTime(createdAt),
  };
}

export function groupStateToJson({
  group,
  position,
  lag,
  members,
  parked,
}: GroupState): Record<string, unknown> {
  return {
    ...groupToJson(group),
    position: String(position.position),
    ...(position.epoch !== undefined && { epoch: String(position.epoch) }),
    lag: String(lag),
    parked: String(parked),
    members: members.map((member) => ({
      member_id: member.memberId,
      name: member.name,
      slots: member.slots,
      joined_at: isoTime(member.joinedAt),
    })),
  };
}

export function parkedToJson(one: ParkedStream): Record<string, unknown> {
  return {
    stream: { aggregate_type: one.stream.aggregateType, aggregate_id: one.stream.aggregateId },
    position: String(one.position),
    version: String(one.version),
    event_type: one.eventType,
    event_id: one.eventId,
    attempts: one.attempts,
    reason: one.reason,
    parked_at: isoTime(one.parkedAt),
    replaying: one.replaying,
  };
}

/** Which events, in a line for people. */
export function describeSelection({ scope, filters = [] }: EventSelection): string {
  const of = scope === undefined || scope.kind === 'LOG' ? [] : [`of ${namesOf(scope).join(', ')}`];
  const that = filters.map((filter) => {
    const { event_types: types, ...rest } = filterToJson(filter);
    if (Array.isArray(types) && Object.keys(rest).length === 0) return types.join(', ');
    return JSON.stringify(filterToJson(filter));
  });
  return [that.join(' or ') || 'all events', ...of].join(' ');
}

function selectionToJson({ scope, filters = [] }: EventSelection): Record<string, unknown> {
  return {
    ...(scope?.kind === 'AGGREGATE_TYPES' && { aggregate_types: scope.aggregateTypes }),
    ...((scope?.kind === 'STREAM' || scope?.kind === 'STREAMS') && { streams: namesOf(scope) }),
    ...(filters.length > 0 && { filters: filters.map(filterToJson) }),
  };
}

function namesOf(scope: Scope): readonly string[] {
  switch (scope.kind) {
    case 'LOG':
      return [];
    case 'STREAM':
      return [nameOf(scope.stream)];
    case 'STREAMS':
      return scope.streams.map(nameOf);
    case 'AGGREGATE_TYPES':
      return scope.aggregateTypes;
  }
}

function filterToJson(filter: Filter): Record<string, unknown> {
  const { eventTypes, tags, streams, versions, positions, recorded, metadata } = filter;
  return {
    ...(eventTypes?.length && { event_types: eventTypes }),
    ...(tags?.length && { tags }),
    ...(streams?.length && {
      streams: streams.map(({ aggregateType = '*', aggregateId, aggregateIdPrefix = '' }) =>
        nameOf({ aggregateType, aggregateId: aggregateId ?? `${aggregateIdPrefix}*` }),
      ),
    }),
    ...(versions && { versions: rangeToJson(versions, String) }),
    ...(positions && { positions: rangeToJson(positions, String) }),
    ...(recorded && { recorded: rangeToJson(recorded, isoTime) }),
    ...(metadata?.length && { metadata }),
  };
}

function rangeToJson(range: Range<bigint>, text: (value: bigint) => string): Record<string, string> {
  return {
    ...(range.first !== undefined && { first: text(range.first) }),
    ...(range.last !== undefined && { last: text(range.last) }),
  };
}
