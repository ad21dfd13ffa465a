import { DEFAULT_CONTENT_TYPE, type Event, type NewEvent } from '../core/event.js';

type Place = Pick<Event, 'eventId' | 'stream' | 'version' | 'position' | 'recordedAt'>;

/** The event as the log keeps it: nothing in it is shared with the caller. */
export function keptEvent(event: NewEvent, place: Place): Event {
  return Object.freeze({
    ...place,
    eventType: event.eventType,
    data: new Uint8Array(event.data),
    contentType: event.contentType ?? DEFAULT_CONTENT_TYPE,
    // Not by assignment, which would lose a key named __proto__.
    metadata: Object.freeze(Object.fromEntries(Object.entries(event.metadata ?? {}))),
    tags: Object.freeze([...(event.tags ?? [])]),
    schemaVersion: event.schemaVersion ?? 1,
  });
}

/** The events as they are handed out. All but the bytes is frozen and may be shared; bytes cannot be frozen. */
export function handedOut<T extends { readonly events: readonly Event[] }>(page: T): T {
  return { ...page, events: page.events.map((event) => ({ ...event, data: new Uint8Array(event.data) })) };
}
