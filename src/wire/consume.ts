import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type ConsumeRequest,
  ConsumeRequestSchema,
  type ConsumeResponse,
  ConsumeResponseSchema,
  type Delivery as WireDelivery,
  DeliverySchema,
  type JoinGroup,
  type Nack as WireNack,
  NackSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { Delivery, GroupMessage, JoinGroupRequest, Nack, NackAction } from '../core/consumer-groups.js';
import { InvalidRequestError } from '../core/errors.js';
import {
  briefReason,
  validateAck,
  validateCredit,
  validateJoinGroup,
  validateNack,
} from '../core/validate-group.js';
import { Violations } from '../core/validate.js';
import { encodeDeliver } from './encode-page.js';
import { fromWireEvent, toWireEvent } from './event.js';
import { fromWireMilliseconds, readWireMilliseconds, toWireMilliseconds } from './milliseconds.js';

type RequestInit = NonNullable<MessageInitShape<typeof ConsumeRequestSchema>['message']>;

/** What a consumer says; correlation 0 wants no result. */
export type FromConsumer =
  | { readonly kind: 'JOIN'; readonly request: JoinGroupRequest }
  | { readonly kind: 'ACK'; readonly correlation: bigint; readonly positions: readonly bigint[] }
  | { readonly kind: 'NACK'; readonly correlation: bigint; readonly nack: Nack }
  | { readonly kind: 'CREDIT'; readonly maxInFlight: number }
  | { readonly kind: 'LEAVE' };

/** What a consumer is told. */
export type ToConsumer =
  | { readonly kind: 'JOINED'; readonly memberId: string; readonly ackTimeoutMs: number }
  | { readonly kind: 'RESULT'; readonly correlation: bigint; readonly lost: readonly bigint[] }
  | GroupMessage;

export function toWireFromConsumer(message: FromConsumer): ConsumeRequest {
  switch (message.kind) {
    case 'JOIN': {
      const { group, maxInFlight = 0, memberName = '' } = message.request;
      return request({ case: 'join', value: { group, memberName, maxInFlight } });
    }
    case 'ACK': {
      const { correlation, positions } = message;
      return request({ case: 'ack', value: { correlation, positions: [...positions] } });
    }
    case 'NACK':
      return request({ case: 'nack', value: toWireNack(message.correlation, message.nack) });
    case 'CREDIT':
      return request({ case: 'credit', value: { maxInFlight: message.maxInFlight } });
    case 'LEAVE':
      return request({ case: 'leave', value: {} });
  }
}

function request(message: RequestInit): ConsumeRequest {
  return create(ConsumeRequestSchema, { message });
}

/** What the consumer says; throws `InvalidRequestError` for what it must not say. */
export function fromWireFromConsumer({ message }: ConsumeRequest): FromConsumer {
  switch (message.case) {
    case 'join':
      return { kind: 'JOIN', request: fromWireJoin(message.value) };
    case 'ack': {
      const { correlation, positions } = message.value;
      validateAck(positions);
      return { kind: 'ACK', correlation, positions };
    }
    case 'nack':
      return { kind: 'NACK', correlation: message.value.correlation, nack: fromWireNack(message.value) };
    case 'credit': {
      const { maxInFlight } = message.value;
      validateCredit(maxInFlight);
      return { kind: 'CREDIT', maxInFlight };
    }
    case 'leave':
      return { kind: 'LEAVE' };
    default:
      throw new InvalidRequestError([
        { field: 'message', description: 'must be set, to something that this service knows' },
      ]);
  }
}

function fromWireJoin({ group, maxInFlight, memberName }: JoinGroup): JoinGroupRequest {
  const join = { group, memberName, ...(maxInFlight === 0 ? {} : { maxInFlight }) };
  validateJoinGroup(join);
  return join;
}

function toWireNack(correlation: bigint, { action, position, reason }: Nack): WireNack {
  return create(NackSchema, {
    correlation,
    position,
    reason: briefReason(reason),
    action: toWireAction(action),
  });
}

function toWireAction(action: NackAction | undefined) {
  switch (action?.kind) {
    case undefined:
      return { case: undefined };
    case 'RETRY':
      return action.afterMs === undefined
        ? { case: undefined }
        : { case: 'retryAfter' as const, value: toWireMilliseconds(action.afterMs) };
    case 'PARK':
      return { case: 'park' as const, value: {} };
    case 'SKIP':
      return { case: 'skip' as const, value: {} };
  }
}

function fromWireNack({ action: wire, position, reason }: WireNack): Nack {
  const violations = new Violations();
  const action = fromWireAction(wire, violations);
  violations.throwIfAny();
  const nack = { position, action, reason: briefReason(reason) };
  validateNack(nack);
  return nack;
}

function fromWireAction(action: WireNack['action'], violations: Violations): NackAction {
  switch (action.case) {
    case 'park':
      return { kind: 'PARK' };
    case 'skip':
      return { kind: 'SKIP' };
    case 'retryAfter':
      return { kind: 'RETRY', afterMs: fromWireMilliseconds(action.value, 'nack.retry_after', violations) };
    default:
      return { kind: 'RETRY' };
  }
}

/** The plain way, and for a DELIVER the meaning that {@link encodeDeliver} must have. */
export function toWireToConsumer(message: ToConsumer): ConsumeResponse {
  switch (message.kind) {
    case 'JOINED': {
      const { ackTimeoutMs, memberId } = message;
      const value = { memberId, ackTimeout: toWireMilliseconds(ackTimeoutMs) };
      return create(ConsumeResponseSchema, { message: { case: 'joined', value } });
    }
    case 'DELIVER': {
      const value = { deliveries: message.deliveries.map(toWireDelivery) };
      return create(ConsumeResponseSchema, { message: { case: 'deliver', value } });
    }
    case 'RESULT': {
      const value = { correlation: message.correlation, lost: [...message.lost] };
      return create(ConsumeResponseSchema, { message: { case: 'result', value } });
    }
    case 'REVOKED': {
      const value = { positions: [...message.positions] };
      return create(ConsumeResponseSchema, { message: { case: 'revoked', value } });
    }
    case 'DRAINING':
      return create(ConsumeResponseSchema, { message: { case: 'draining', value: {} } });
  }
}

/** Bytes of a message of deliveries, or one delivery. */
const MESSAGE_BYTES = 2 * 1024 * 1024;

/** Deliveries as one message, or as several where one would be too large. */
export function encodeDeliveries(deliveries: readonly Delivery[]): readonly Buffer[] {
  const message = encodeDeliver(deliveries);
  if (message.byteLength <= MESSAGE_BYTES || deliveries.length === 1) return [message];
  const half = deliveries.length >> 1;
  return [...encodeDeliveries(deliveries.slice(0, half)), ...encodeDeliveries(deliveries.slice(half))];
}

/** What the service says, or `undefined` for what this version does not know. */
export function fromWireToConsumer({ message }: ConsumeResponse): ToConsumer | undefined {
  switch (message.case) {
    case 'joined': {
      const { ackTimeout, memberId } = message.value;
      return { kind: 'JOINED', memberId, ackTimeoutMs: readWireMilliseconds(ackTimeout) };
    }
    case 'deliver':
      return { kind: 'DELIVER', deliveries: message.value.deliveries.map(fromWireDelivery) };
    case 'result':
      return { kind: 'RESULT', correlation: message.value.correlation, lost: message.value.lost };
    case 'revoked':
      return { kind: 'REVOKED', positions: message.value.positions };
    case 'draining':
      return { kind: 'DRAINING' };
    default:
      return undefined;
  }
}

function toWireDelivery({ attempt, events, replayed }: Delivery): WireDelivery {
  return create(DeliverySchema, { events: events.map(toWireEvent), attempt, replayed });
}

function fromWireDelivery({ attempt, events, replayed }: WireDelivery): Delivery {
  return { events: events.map(fromWireEvent), attempt, replayed };
}
