import { create } from '@bufbuild/protobuf';
import {
  DeletedStreams,
  type ListAggregateTypesRequest as WireListAggregateTypesRequest,
  ListAggregateTypesRequestSchema,
  type ListAggregateTypesResponse as WireListAggregateTypesResponse,
  ListAggregateTypesResponseSchema,
  type ListStreamsRequest as WireListStreamsRequest,
  ListStreamsRequestSchema,
  type ListStreamsResponse as WireListStreamsResponse,
  ListStreamsResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type {
  AggregateTypeList,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  StreamList,
} from '../core/stream-list.js';
import { Violations } from '../core/validate.js';
import { fromWireStreamInfo, toWireStreamInfo } from './stream-info.js';

export function toWireListStreamsRequest(request: ListStreamsRequest): WireListStreamsRequest {
  return create(ListStreamsRequestSchema, {
    aggregateType: request.aggregateType ?? '',
    aggregateIdPrefix: request.aggregateIdPrefix ?? '',
    deleted: request.deleted === undefined ? DeletedStreams.UNSPECIFIED : DeletedStreams[request.deleted],
    pageSize: request.pageSize ?? 0,
    pageToken: request.pageToken ?? '',
  });
}

/** Which streams; throws `InvalidRequestError` for what is unknown. */
export function fromWireListStreamsRequest(request: WireListStreamsRequest): ListStreamsRequest {
  const violations = new Violations();
  const deleted = fromWireDeletedStreams(request.deleted, violations);
  violations.throwIfAny();
  const { aggregateType, aggregateIdPrefix } = request;
  return {
    ...(aggregateType === '' ? {} : { aggregateType }),
    ...(aggregateIdPrefix === '' ? {} : { aggregateIdPrefix }),
    ...(deleted === undefined ? {} : { deleted }),
    ...pageOf(request),
  };
}

/** Deleted streams or not, or `undefined` for the default; adds what is unknown. */
export function fromWireDeletedStreams(
  value: DeletedStreams,
  violations: Violations,
): ListStreamsRequest['deleted'] {
  switch (value) {
    case DeletedStreams.UNSPECIFIED:
      return undefined;
    case DeletedStreams.EXCLUDE:
      return 'EXCLUDE';
    case DeletedStreams.INCLUDE:
      return 'INCLUDE';
    case DeletedStreams.ONLY:
      return 'ONLY';
    default:
      violations.add('deleted', `is ${String(value)}, which this service does not know`);
      return undefined;
  }
}

export function toWireStreamList(list: StreamList): WireListStreamsResponse {
  return create(ListStreamsResponseSchema, {
    streams: list.streams.map(toWireStreamInfo),
    nextPageToken: list.nextPageToken ?? '',
  });
}

export function fromWireStreamList(list: WireListStreamsResponse): StreamList {
  return { streams: list.streams.map(fromWireStreamInfo), nextPageToken: list.nextPageToken || undefined };
}

export function toWireListAggregateTypesRequest(
  request: ListAggregateTypesRequest,
): WireListAggregateTypesRequest {
  return create(ListAggregateTypesRequestSchema, {
    pageSize: request.pageSize ?? 0,
    pageToken: request.pageToken ?? '',
  });
}

export function fromWireListAggregateTypesRequest(
  request: WireListAggregateTypesRequest,
): ListAggregateTypesRequest {
  return pageOf(request);
}

export function toWireAggregateTypeList(list: AggregateTypeList): WireListAggregateTypesResponse {
  return create(ListAggregateTypesResponseSchema, {
    aggregateTypes: list.aggregateTypes.map(({ aggregateType, streams, deletedStreams, events }) => ({
      aggregateType,
      streams,
      deletedStreams,
      events,
    })),
    nextPageToken: list.nextPageToken ?? '',
  });
}

export function fromWireAggregateTypeList(list: WireListAggregateTypesResponse): AggregateTypeList {
  return {
    aggregateTypes: list.aggregateTypes.map(({ aggregateType, streams, deletedStreams, events }) => ({
      aggregateType,
      streams,
      deletedStreams,
      events,
    })),
    nextPageToken: list.nextPageToken || undefined,
  };
}

/** On the wire a size of 0 is the default, and an empty token the first page. */
function pageOf({ pageSize, pageToken }: { pageSize: number; pageToken: string }): ListAggregateTypesRequest {
  return { ...(pageSize === 0 ? {} : { pageSize }), ...(pageToken === '' ? {} : { pageToken }) };
}
