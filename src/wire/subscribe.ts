import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type SubscribeRequest as WireSubscribeRequest,
  SubscribeRequestSchema,
  type SubscribeResponse as WireSubscribeResponse,
  SubscribeResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type {
  SubscribeRequest,
  SubscribeStart,
  SubscriptionMessage,
  SubscriptionSignal,
} from '../core/subscribe.js';
import { Violations } from '../core/validate.js';
import { fromWireEvent, toWireEvent } from './event.js';
import { fromWireFilter, fromWireScope, toWireFilter, toWireScope } from './filter.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';
import { fromWireTimestamp, toWireTimestamp } from './timestamp.js';

type StartInit = NonNullable<MessageInitShape<typeof SubscribeRequestSchema>['start']>;
type SignalInit = NonNullable<MessageInitShape<typeof SubscribeResponseSchema>['signal']>;

export function toWireSubscribeRequest(request: SubscribeRequest): WireSubscribeRequest {
  return create(SubscribeRequestSchema, {
    scope: toWireScope(request.scope),
    filters: request.filters?.map(toWireFilter) ?? [],
    start: toWireStart(request.start ?? { kind: 'BEGINNING' }),
  });
}

/** What to follow; throws `InvalidRequestError` for what is unset, unknown or has no equal in the log. */
export function fromWireSubscribeRequest(request: WireSubscribeRequest): SubscribeRequest {
  const violations = new Violations();
  const scope = fromWireScope(request.scope, violations);
  const filters = request.filters.map((filter, index) =>
    fromWireFilter(filter, `filters[${index}]`, violations),
  );
  const start = fromWireStart(request.start, violations);
  violations.throwIfAny();
  return { scope, filters, start };
}

/** The `start` of SubscribeRequest and StartPoint, which are the same. */
export function toWireStart(start: SubscribeStart): StartInit {
  switch (start.kind) {
    case 'BEGINNING':
      return { case: undefined };
    case 'AFTER':
      return { case: 'after', value: toWireLogPosition(start.after) };
    case 'END':
      return { case: 'fromEnd', value: {} };
    case 'TIME':
      return { case: 'fromTime', value: toWireTimestamp(start.time) };
  }
}

export function fromWireStart(
  start: WireSubscribeRequest['start'],
  violations: Violations,
  path = '',
): SubscribeStart {
  switch (start.case) {
    case 'after':
      return { kind: 'AFTER', after: fromWireLogPosition(start.value) };
    case 'fromEnd':
      return { kind: 'END' };
    case 'fromTime':
      return { kind: 'TIME', time: fromWireTimestamp(start.value, `${path}from_time`, violations) };
    default:
      return { kind: 'BEGINNING' };
  }
}

/** The plain way, and the meaning that {@link encodeSubscriptionMessage} must have. */
export function toWireSubscriptionMessage(message: SubscriptionMessage): WireSubscribeResponse {
  return create(SubscribeResponseSchema, {
    events: message.events.map(toWireEvent),
    scannedAfter: message.scannedAfter,
    scannedTo: message.scannedTo,
    epoch: message.epoch,
    signal: toWireSignal(message.signal),
  });
}

export function fromWireSubscriptionMessage(message: WireSubscribeResponse): SubscriptionMessage {
  const signal = fromWireSignal(message.signal);
  return {
    events: message.events.map(fromWireEvent),
    scannedAfter: message.scannedAfter,
    scannedTo: message.scannedTo,
    epoch: message.epoch,
    ...(signal ? { signal } : {}),
  };
}

function toWireSignal(signal: SubscriptionSignal | undefined): SignalInit {
  switch (signal?.kind) {
    case undefined:
      return { case: undefined };
    case 'CAUGHT_UP':
      return { case: 'caughtUp', value: {} };
    case 'FELL_BEHIND':
      return { case: 'fellBehind', value: { head: signal.head } };
  }
}

function fromWireSignal(signal: WireSubscribeResponse['signal']): SubscriptionSignal | undefined {
  switch (signal.case) {
    case 'caughtUp':
      return { kind: 'CAUGHT_UP' };
    case 'fellBehind':
      return { kind: 'FELL_BEHIND', head: signal.value.head };
    default:
      return undefined;
  }
}
