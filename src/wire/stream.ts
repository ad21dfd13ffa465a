import { create } from '@bufbuild/protobuf';
import {
  type StreamId as WireStreamId,
  StreamIdSchema,
  type StreamVersion as WireStreamVersion,
  StreamVersionSchema,
} from '../../gen/headwater/v1/stream_pb.js';
import type { StreamId, StreamVersion } from '../core/stream.js';
import type { Violations } from '../core/validate.js';

export function toWireStream(stream: StreamId): WireStreamId {
  return create(StreamIdSchema, { aggregateType: stream.aggregateType, aggregateId: stream.aggregateId });
}

/** The stream; refused if it is not set. Its names are looked at by the store. */
export function fromWireStream(
  stream: WireStreamId | undefined,
  field: string,
  violations: Violations,
): StreamId {
  if (stream === undefined) violations.add(field, 'must be set');
  return readWireStream(stream);
}

/** As {@link fromWireStream} where the other side is the service, which is believed. */
export function readWireStream(stream: WireStreamId | undefined): StreamId {
  return { aggregateType: stream?.aggregateType ?? '', aggregateId: stream?.aggregateId ?? '' };
}

export function toWireStreamVersion({ stream, version }: StreamVersion): WireStreamVersion {
  return create(StreamVersionSchema, { stream: toWireStream(stream), version });
}

/** Said by the service, which is believed. */
export function readWireStreamVersion({ stream, version }: WireStreamVersion): StreamVersion {
  return { stream: readWireStream(stream), version };
}
