import type { Event } from './event.js';
import type { Metadata } from './metadata.js';

/**
 * What events and commands that follow from this event should carry: `correlation_id`, which is kept from cause to effect
 * and begins with the event's id; `causation_id`, the event's id; and the trace context (`traceparent`, `tracestate`).
 */
export function causedBy({ eventId, metadata }: Pick<Event, 'eventId' | 'metadata'>): Metadata {
  const { correlation_id, traceparent, tracestate } = metadata;
  return {
    correlation_id: correlation_id ?? eventId,
    causation_id: eventId,
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
  };
}
