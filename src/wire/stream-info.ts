import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type GetStreamRequest as WireGetStreamRequest,
  GetStreamRequestSchema,
  type GetStreamResponse as WireGetStreamResponse,
  GetStreamResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import {
  type Retention as WireRetention,
  type RetentionSchema,
  type StreamInfo as WireStreamInfo,
  StreamInfoSchema,
} from '../../gen/headwater/v1/stream_pb.js';
import type { Retention, StreamId, StreamInfo } from '../core/stream.js';
import { Violations } from '../core/validate.js';
import { fromWireDuration, readWireDuration, toWireDuration } from './duration.js';
import { fromWireStream, readWireStream, toWireStream } from './stream.js';
import { readWireTimestamp, toWireTimestamp, type WireTimestamp } from './timestamp.js';

export function toWireGetStreamRequest(stream: StreamId): WireGetStreamRequest {
  return create(GetStreamRequestSchema, { stream: toWireStream(stream) });
}

/** Which stream; throws `InvalidRequestError` if it is not set. */
export function fromWireGetStreamRequest(request: WireGetStreamRequest): StreamId {
  const violations = new Violations();
  const stream = fromWireStream(request.stream, 'stream', violations);
  violations.throwIfAny();
  return stream;
}

export function toWireGetStreamResponse(info: StreamInfo): WireGetStreamResponse {
  return create(GetStreamResponseSchema, { stream: toWireStreamInfo(info) });
}

/** What is known about the stream, or `undefined` if the answer does not say. */
export function fromWireGetStreamResponse({ stream }: WireGetStreamResponse): StreamInfo | undefined {
  return stream && fromWireStreamInfo(stream);
}

export function toWireStreamInfo(info: StreamInfo): WireStreamInfo {
  return create(StreamInfoSchema, {
    stream: toWireStream(info.stream),
    version: info.version,
    firstVersion: info.firstVersion,
    createdAt: toWireTimestamp(info.createdAt),
    updatedAt: toWireTimestamp(info.updatedAt),
    ...(info.deletedAt === undefined ? {} : { deletedAt: toWireTimestamp(info.deletedAt) }),
    ...(keepsEverything(info.retention) ? {} : { retention: toWireRetention(info.retention) }),
    erasing: info.erasing,
  });
}

export function fromWireStreamInfo(info: WireStreamInfo): StreamInfo {
  const time = (moment: WireTimestamp | undefined) => (moment ? readWireTimestamp(moment) : 0n);
  return {
    stream: readWireStream(info.stream),
    version: info.version,
    firstVersion: info.firstVersion,
    createdAt: time(info.createdAt),
    updatedAt: time(info.updatedAt),
    deletedAt: info.deletedAt ? readWireTimestamp(info.deletedAt) : undefined,
    retention: readWireRetention(info.retention),
    erasing: info.erasing,
  };
}

/** On the wire a count of 0 is no limit. */
export function toWireRetention(retention: Retention): MessageInitShape<typeof RetentionSchema> {
  return {
    ...(retention.maxAge === undefined ? {} : { maxAge: toWireDuration(retention.maxAge) }),
    maxCount: retention.maxCount ?? 0n,
  };
}

/** What to keep; refuses an age that the store would have to round. */
export function fromWireRetention(
  retention: WireRetention | undefined,
  field: string,
  violations: Violations,
): Retention {
  const maxAge = retention?.maxAge && fromWireDuration(retention.maxAge, `${field}.max_age`, violations);
  return { ...readWireRetention(retention), ...(maxAge === undefined ? {} : { maxAge }) };
}

/** As {@link fromWireRetention} where the other side is the service, which is believed. */
function readWireRetention(retention: WireRetention | undefined): Retention {
  return {
    ...(retention?.maxAge ? { maxAge: readWireDuration(retention.maxAge) } : {}),
    ...(retention === undefined || retention.maxCount === 0n ? {} : { maxCount: retention.maxCount }),
  };
}

function keepsEverything({ maxAge, maxCount }: Retention): boolean {
  return maxAge === undefined && maxCount === undefined;
}
