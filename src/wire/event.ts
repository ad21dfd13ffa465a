import { create } from '@bufbuild/protobuf';
import { type Event as WireEvent, EventSchema } from '../../gen/headwater/v1/event_pb.js';
import type { Event } from '../core/event.js';
import { readWireStream, toWireStream } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

/** The plain way; pages of events go through {@link encodeLoadPage}, which must mean the same. */
export function toWireEvent(event: Event): WireEvent {
  return create(EventSchema, {
    eventId: event.eventId,
    stream: toWireStream(event.stream),
    version: event.version,
    position: event.position,
    eventType: event.eventType,
    data: event.data,
    contentType: event.contentType,
    metadata: event.metadata,
    tags: [...event.tags],
    schemaVersion: event.schemaVersion,
    recordedAt: toWireTimestamp(event.recordedAt),
    erased: event.erased ?? false,
  });
}

/** The event, its data copied, so that who keeps one event does not keep the whole page. */
export function fromWireEvent(event: WireEvent): Event {
  return {
    eventId: event.eventId,
    stream: readWireStream(event.stream),
    version: event.version,
    position: event.position,
    eventType: event.eventType,
    data: new Uint8Array(event.data),
    contentType: event.contentType,
    metadata: event.metadata,
    tags: event.tags,
    schemaVersion: event.schemaVersion,
    recordedAt: event.recordedAt ? readWireTimestamp(event.recordedAt) : 0n,
    ...(event.erased ? { erased: true } : {}),
  };
}
