import { create } from '@bufbuild/protobuf';
import { type NewEvent as WireNewEvent, NewEventSchema } from '../../gen/headwater/v1/event_pb.js';
import type { NewEvent } from '../core/event.js';

export function toWireNewEvent(event: NewEvent): WireNewEvent {
  return create(NewEventSchema, {
    eventId: event.eventId ?? '',
    eventType: event.eventType,
    data: event.data,
    contentType: event.contentType ?? '',
    metadata: event.metadata ?? {},
    tags: event.tags ? [...event.tags] : [],
    schemaVersion: event.schemaVersion ?? 0,
  });
}

/** The event, its data copied: what was decoded is a view of the network's buffer, and stores keep events. */
export function fromWireNewEvent(event: WireNewEvent): NewEvent {
  return {
    ...(event.eventId === '' ? {} : { eventId: event.eventId }),
    eventType: event.eventType,
    // From the pool: an ArrayBuffer for each small payload would be 7 % of the service's time, and more in collecting them.
    data: Buffer.from(event.data),
    ...(event.contentType === '' ? {} : { contentType: event.contentType }),
    metadata: event.metadata,
    tags: event.tags,
    ...(event.schemaVersion === 0 ? {} : { schemaVersion: event.schemaVersion }),
  };
}
