import { create } from '@bufbuild/protobuf';
import {
  type DeleteProjectionRequest as WireDeleteProjectionRequest,
  DeleteProjectionRequestSchema,
  type FinishRebuildRequest as WireFinishRebuildRequest,
  FinishRebuildRequestSchema,
  type ListFailedAggregatesRequest as WireListFailedAggregatesRequest,
  ListFailedAggregatesRequestSchema,
  type ListFailedAggregatesResponse,
  ListFailedAggregatesResponseSchema,
  type ListProjectionsRequest as WireListProjectionsRequest,
  ListProjectionsRequestSchema,
  type ListProjectionsResponse,
  ListProjectionsResponseSchema,
  type RebuildProjectionRequest as WireRebuildProjectionRequest,
  RebuildProjectionRequestSchema,
  type ResetProjectionRequest as WireResetProjectionRequest,
  ResetProjectionRequestSchema,
  type RetryAggregatesRequest as WireRetryAggregatesRequest,
  RetryAggregatesRequestSchema,
  type WaitForProjectionRequest as WireWaitForProjectionRequest,
  WaitForProjectionRequestSchema,
} from '../../gen/headwater/v1/projection_service_pb.js';
import type { PageRequest } from '../core/consumer-groups.js';
import type { FailedAggregates, ProjectionControl, ProjectionList } from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';
import {
  validateProjectionName,
  validateProjectionPage,
  validateRetryAggregates,
  validateWaitFor,
} from '../core/validate-projection.js';
import { Violations } from '../core/validate.js';
import { toWireLogPosition } from './log-position.js';
import {
  fromWirePosition,
  fromWireProjection,
  readFailure,
  toWireFailure,
  toWireProjection,
} from './projection.js';
import { readWireStream, toWireStream } from './stream.js';

export type ResetProjectionRequest = Parameters<ProjectionControl['reset']>[0];
export type RebuildProjectionRequest = Parameters<ProjectionControl['rebuild']>[0];
export type FinishRebuildRequest = Parameters<ProjectionControl['finishRebuild']>[0];
export type DeleteProjectionRequest = Parameters<ProjectionControl['delete']>[0];
export type ListFailedAggregatesRequest = Parameters<ProjectionControl['listFailedAggregates']>[0];
export type RetryAggregatesRequest = Parameters<ProjectionControl['retryAggregates']>[0];

/** Which projection must have come how far. */
export interface WaitForProjectionRequest {
  readonly name: string;
  readonly minPosition: LogPosition;
}

export function toWireListProjectionsRequest(request: PageRequest): WireListProjectionsRequest {
  return create(ListProjectionsRequestSchema, toWirePage(request));
}

export function fromWireListProjectionsRequest(wire: WireListProjectionsRequest): PageRequest {
  const request = fromWirePage(wire);
  validateProjectionPage(request);
  return request;
}

export function toWireProjectionList({
  nextPageToken,
  projections,
}: ProjectionList): ListProjectionsResponse {
  return create(ListProjectionsResponseSchema, {
    projections: projections.map(toWireProjection),
    nextPageToken: nextPageToken ?? '',
  });
}

export function fromWireProjectionList(list: ListProjectionsResponse): ProjectionList {
  return {
    projections: list.projections.map(fromWireProjection),
    nextPageToken: list.nextPageToken === '' ? undefined : list.nextPageToken,
  };
}

export function toWireResetProjectionRequest(request: ResetProjectionRequest): WireResetProjectionRequest {
  return create(ResetProjectionRequestSchema, request);
}

export function fromWireResetProjectionRequest({
  deleteEmitted,
  name,
}: WireResetProjectionRequest): ResetProjectionRequest {
  validateProjectionName(name);
  return { name, deleteEmitted };
}

export function toWireRebuildProjectionRequest(
  request: RebuildProjectionRequest,
): WireRebuildProjectionRequest {
  return create(RebuildProjectionRequestSchema, request);
}

export function fromWireRebuildProjectionRequest({
  name,
  waitWithSwap,
}: WireRebuildProjectionRequest): RebuildProjectionRequest {
  validateProjectionName(name);
  return { name, waitWithSwap };
}

export function toWireFinishRebuildRequest(request: FinishRebuildRequest): WireFinishRebuildRequest {
  return create(FinishRebuildRequestSchema, request);
}

export function fromWireFinishRebuildRequest({
  discard,
  name,
}: WireFinishRebuildRequest): FinishRebuildRequest {
  validateProjectionName(name);
  return { name, discard };
}

export function toWireDeleteProjectionRequest(request: DeleteProjectionRequest): WireDeleteProjectionRequest {
  return create(DeleteProjectionRequestSchema, request);
}

export function fromWireDeleteProjectionRequest({
  deleteEmitted,
  forget,
  name,
}: WireDeleteProjectionRequest): DeleteProjectionRequest {
  validateProjectionName(name);
  return { name, forget, deleteEmitted };
}

export function toWireWaitForProjectionRequest({
  minPosition,
  name,
}: WaitForProjectionRequest): WireWaitForProjectionRequest {
  return create(WaitForProjectionRequestSchema, { name, minPosition: toWireLogPosition(minPosition) });
}

/** For what to wait; throws `InvalidRequestError` if no position is set. */
export function fromWireWaitForProjectionRequest(
  wire: WireWaitForProjectionRequest,
): WaitForProjectionRequest {
  const violations = new Violations();
  const minPosition = fromWirePosition(wire.minPosition, 'min_position', violations);
  violations.throwIfAny();
  validateWaitFor(wire.name, minPosition);
  return { name: wire.name, minPosition };
}

export function toWireListFailedAggregatesRequest(
  request: ListFailedAggregatesRequest,
): WireListFailedAggregatesRequest {
  return create(ListFailedAggregatesRequestSchema, { name: request.name, ...toWirePage(request) });
}

export function fromWireListFailedAggregatesRequest(
  wire: WireListFailedAggregatesRequest,
): ListFailedAggregatesRequest {
  const request = { name: wire.name, ...fromWirePage(wire) };
  validateProjectionPage(request);
  return request;
}

export function toWireFailedAggregates({
  failures,
  nextPageToken,
}: FailedAggregates): ListFailedAggregatesResponse {
  return create(ListFailedAggregatesResponseSchema, {
    failures: failures.map(toWireFailure),
    nextPageToken: nextPageToken ?? '',
  });
}

export function fromWireFailedAggregates(list: ListFailedAggregatesResponse): FailedAggregates {
  return {
    failures: list.failures.map(readFailure),
    nextPageToken: list.nextPageToken === '' ? undefined : list.nextPageToken,
  };
}

export function toWireRetryAggregatesRequest({
  name,
  reset = false,
  stream,
}: RetryAggregatesRequest): WireRetryAggregatesRequest {
  return create(RetryAggregatesRequestSchema, {
    name,
    reset,
    ...(stream ? { stream: toWireStream(stream) } : {}),
  });
}

export function fromWireRetryAggregatesRequest({
  name,
  reset,
  stream,
}: WireRetryAggregatesRequest): RetryAggregatesRequest {
  const request = { name, reset, ...(stream ? { stream: readWireStream(stream) } : {}) };
  validateRetryAggregates(request);
  return request;
}

function toWirePage({ pageSize = 0, pageToken = '' }: PageRequest) {
  return { pageSize, pageToken };
}

function fromWirePage({
  pageSize,
  pageToken,
}: {
  readonly pageSize: number;
  readonly pageToken: string;
}): PageRequest {
  return { ...(pageSize === 0 ? {} : { pageSize }), ...(pageToken === '' ? {} : { pageToken }) };
}
