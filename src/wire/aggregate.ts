import { create } from '@bufbuild/protobuf';
import {
  type AggregateInfo as WireAggregateInfo,
  AggregateInfoSchema,
  type GetAggregateRequest as WireGetAggregateRequest,
  GetAggregateRequestSchema,
  type GetAggregateResponse as WireGetAggregateResponse,
  GetAggregateResponseSchema,
  type ListAggregatesRequest as WireListAggregatesRequest,
  ListAggregatesRequestSchema,
  type ListAggregatesResponse as WireListAggregatesResponse,
  ListAggregatesResponseSchema,
  type WatchAggregateRequest as WireWatchAggregateRequest,
  WatchAggregateRequestSchema,
  type WatchAggregateResponse as WireWatchAggregateResponse,
  WatchAggregateResponseSchema,
} from '../../gen/headwater/v1/aggregate_service_pb.js';
import { DeletedStreams } from '../../gen/headwater/v1/event_store_service_pb.js';
import type {
  AggregateInfo,
  AggregateList,
  AggregateMoment,
  AggregateView,
  GetAggregateRequest,
  ListAggregatesRequest,
  WatchedAggregate,
} from '../core/aggregate.js';
import type { StreamId } from '../core/stream.js';
import { Violations } from '../core/validate.js';
import { fromWireEvent, toWireEvent } from './event.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';
import { fromWireSnapshot, toWireSnapshot } from './snapshot.js';
import { fromWireDeletedStreams } from './stream-list.js';
import { fromWireStream, readWireStream, toWireStream } from './stream.js';
import { fromWireTimestamp, readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireGetAggregateRequest(request: GetAggregateRequest): WireGetAggregateRequest {
  const { aggregate, at, includeDeleted = false, minPosition } = request;
  return create(GetAggregateRequestSchema, {
    aggregate: toWireStream(aggregate),
    at: toWireMoment(at),
    includeDeleted,
    ...(minPosition ? { minPosition: toWireLogPosition(minPosition) } : {}),
  });
}

/** Which aggregate; throws `InvalidRequestError` for what is not set or no time. */
export function fromWireGetAggregateRequest(request: WireGetAggregateRequest): GetAggregateRequest {
  const violations = new Violations();
  const aggregate = fromWireStream(request.aggregate, 'aggregate', violations);
  const at = fromWireMoment(request.at, violations);
  violations.throwIfAny();
  return {
    aggregate,
    ...(at ? { at } : {}),
    ...(request.includeDeleted ? { includeDeleted: true } : {}),
    ...(request.minPosition ? { minPosition: fromWireLogPosition(request.minPosition) } : {}),
  };
}

function toWireMoment(at: AggregateMoment | undefined) {
  switch (at?.kind) {
    case undefined:
      return { case: undefined };
    case 'VERSION':
      return { case: 'version' as const, value: at.version };
    case 'POSITION':
      return { case: 'position' as const, value: at.position };
    case 'TIME':
      return { case: 'time' as const, value: toWireTimestamp(at.time) };
  }
}

function fromWireMoment(
  at: WireGetAggregateRequest['at'],
  violations: Violations,
): AggregateMoment | undefined {
  switch (at.case) {
    case 'version':
      return { kind: 'VERSION', version: at.value };
    case 'position':
      return { kind: 'POSITION', position: at.value };
    case 'time':
      return { kind: 'TIME', time: fromWireTimestamp(at.value, 'time', violations) };
    default:
      return undefined;
  }
}

export function toWireAggregateView(view: AggregateView): WireGetAggregateResponse {
  return create(GetAggregateResponseSchema, {
    ...(view.info ? { aggregate: toWireAggregateInfo(view.info) } : {}),
    ...(view.state ? { state: view.state } : {}),
    ...(view.snapshot ? { snapshot: toWireSnapshot(view.snapshot) } : {}),
    events: view.events.map(toWireEvent),
  });
}

export function fromWireAggregateView(view: WireGetAggregateResponse): AggregateView {
  return {
    ...(view.aggregate ? { info: fromWireAggregateInfo(view.aggregate) } : {}),
    ...(view.state.byteLength === 0 ? {} : { state: new Uint8Array(view.state) }),
    ...(view.snapshot ? { snapshot: fromWireSnapshot(view.snapshot) } : {}),
    events: view.events.map(fromWireEvent),
  };
}

export function toWireListAggregatesRequest(request: ListAggregatesRequest): WireListAggregatesRequest {
  return create(ListAggregatesRequestSchema, {
    aggregateType: request.aggregateType,
    deleted: request.deleted === undefined ? DeletedStreams.UNSPECIFIED : DeletedStreams[request.deleted],
    pageSize: request.pageSize ?? 0,
    pageToken: request.pageToken ?? '',
  });
}

/** Which aggregates; throws `InvalidRequestError` without a type, and for what is unknown. */
export function fromWireListAggregatesRequest(request: WireListAggregatesRequest): ListAggregatesRequest {
  const violations = new Violations();
  const { aggregateType, pageSize, pageToken } = request;
  if (aggregateType === '') violations.add('aggregate_type', 'must be set');
  const deleted = fromWireDeletedStreams(request.deleted, violations);
  violations.throwIfAny();
  return {
    aggregateType,
    ...(deleted === undefined ? {} : { deleted }),
    ...(pageSize === 0 ? {} : { pageSize }),
    ...(pageToken === '' ? {} : { pageToken }),
  };
}

export function toWireAggregateList(list: AggregateList): WireListAggregatesResponse {
  return create(ListAggregatesResponseSchema, {
    aggregates: list.aggregates.map(toWireAggregateInfo),
    nextPageToken: list.nextPageToken ?? '',
  });
}

export function fromWireAggregateList(list: WireListAggregatesResponse): AggregateList {
  return {
    aggregates: list.aggregates.map(fromWireAggregateInfo),
    nextPageToken: list.nextPageToken || undefined,
  };
}

export function toWireWatchAggregateRequest(aggregate: StreamId): WireWatchAggregateRequest {
  return create(WatchAggregateRequestSchema, { aggregate: toWireStream(aggregate) });
}

/** Which aggregate; throws `InvalidRequestError` if it is not set. */
export function fromWireWatchAggregateRequest({ aggregate }: WireWatchAggregateRequest): StreamId {
  const violations = new Violations();
  const stream = fromWireStream(aggregate, 'aggregate', violations);
  violations.throwIfAny();
  return stream;
}

export function toWireWatchedAggregate(watched: WatchedAggregate): WireWatchAggregateResponse {
  return create(WatchAggregateResponseSchema, {
    aggregate: toWireAggregateInfo(watched.info),
    ...(watched.state ? { state: watched.state } : {}),
    position: watched.position,
    epoch: watched.epoch,
  });
}

export function fromWireWatchedAggregate(watched: WireWatchAggregateResponse): WatchedAggregate {
  return {
    info: fromWireAggregateInfo(watched.aggregate),
    ...(watched.state.byteLength === 0 ? {} : { state: new Uint8Array(watched.state) }),
    position: watched.position,
    epoch: watched.epoch,
  };
}

function toWireAggregateInfo(info: AggregateInfo): WireAggregateInfo {
  return create(AggregateInfoSchema, {
    aggregate: toWireStream(info.aggregate),
    version: info.version,
    exists: info.exists,
    deleted: info.deleted,
    ...(info.createdAt === undefined ? {} : { createdAt: toWireTimestamp(info.createdAt) }),
    ...(info.updatedAt === undefined ? {} : { updatedAt: toWireTimestamp(info.updatedAt) }),
  });
}

function fromWireAggregateInfo(info: WireAggregateInfo | undefined): AggregateInfo {
  return {
    aggregate: readWireStream(info?.aggregate),
    version: info?.version ?? 0n,
    exists: info?.exists ?? false,
    deleted: info?.deleted ?? false,
    createdAt: info?.createdAt && readWireTimestamp(info.createdAt),
    updatedAt: info?.updatedAt && readWireTimestamp(info.updatedAt),
  };
}
