import { create } from '@bufbuild/protobuf';
import {
  type ParkedStream as WireParkedStream,
  ParkedStreamSchema,
} from '../../gen/headwater/v1/consumer_group_pb.js';
import {
  type ListParkedRequest as WireListParkedRequest,
  ListParkedRequestSchema,
  type ListParkedResponse as WireListParkedResponse,
  ListParkedResponseSchema,
  type ReplayParkedRequest as WireReplayParkedRequest,
  ReplayParkedRequestSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { PageRequest, ParkedList, ParkedStream, ReplayParkedRequest } from '../core/consumer-groups.js';
import { validateListParked, validateReplayParked } from '../core/validate-group.js';
import { pageOf } from './consumer-group.js';
import { readWireStream, toWireStream } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireListParkedRequest(
  request: PageRequest & { readonly group: string },
): WireListParkedRequest {
  const { group, pageSize = 0, pageToken = '' } = request;
  return create(ListParkedRequestSchema, { group, pageSize, pageToken });
}

/** Which page of which group; throws `InvalidRequestError` with every field that is wrong. */
export function fromWireListParkedRequest(
  wire: WireListParkedRequest,
): PageRequest & { readonly group: string } {
  const request = { group: wire.group, ...pageOf(wire) };
  validateListParked(request);
  return request;
}

export function toWireReplayParkedRequest(request: ReplayParkedRequest): WireReplayParkedRequest {
  const { group, skipFirst = false, stream } = request;
  return create(ReplayParkedRequestSchema, {
    group,
    skipFirst,
    ...(stream ? { stream: toWireStream(stream) } : {}),
  });
}

/** What to try again; throws `InvalidRequestError` with every field that is wrong. */
export function fromWireReplayParkedRequest(wire: WireReplayParkedRequest): ReplayParkedRequest {
  const request = {
    group: wire.group,
    ...(wire.stream ? { stream: readWireStream(wire.stream) } : {}),
    ...(wire.skipFirst ? { skipFirst: true } : {}),
  };
  validateReplayParked(request);
  return request;
}

export function toWireParkedList({ nextPageToken = '', parked }: ParkedList): WireListParkedResponse {
  return create(ListParkedResponseSchema, { parked: parked.map(toWireParked), nextPageToken });
}

export function fromWireParkedList({ nextPageToken, parked }: WireListParkedResponse): ParkedList {
  return { parked: parked.map(fromWireParked), nextPageToken: nextPageToken || undefined };
}

function toWireParked({ parkedAt, stream, ...rest }: ParkedStream): WireParkedStream {
  return create(ParkedStreamSchema, {
    ...rest,
    stream: toWireStream(stream),
    parkedAt: toWireTimestamp(parkedAt),
  });
}

function fromWireParked(wire: WireParkedStream): ParkedStream {
  return {
    stream: readWireStream(wire.stream),
    position: wire.position,
    version: wire.version,
    eventType: wire.eventType,
    eventId: wire.eventId,
    attempts: wire.attempts,
    reason: wire.reason,
    parkedAt: wire.parkedAt ? readWireTimestamp(wire.parkedAt) : 0n,
    replaying: wire.replaying,
  };
}
