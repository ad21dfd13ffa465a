import { EventIdReusedError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { type StreamId, streamKey } from '../core/stream.js';
import type { Tables } from './tables.js';

/** As much of an event as tells whether it is the same one again. */
export interface Identified {
  readonly stream: StreamId;
  readonly eventId: string;
  readonly eventType: string;
  readonly fingerprint: string;
}

/**
 * The events as they stand in the log, if this is an earlier append again: same ids, streams, order, types, data and
 * extent; `undefined` if none of the ids is known. Throws `EventIdReusedError`.
 */
export function findRepeat(tables: Tables, events: readonly Identified[]): readonly Event[] | undefined {
  const known = events.find(({ eventId }) => tables.byId.has(eventId));
  if (known === undefined) return undefined;
  const first = tables.byId.get(events[0]?.eventId ?? '');
  const last = (first ?? 0) + events.length - 1;
  const same =
    first !== undefined &&
    last <= tables.log.length &&
    (first === 1 || tables.appendEnds.has(first - 1)) &&
    events.every((given, index) => {
      const old = tables.log[first - 1 + index];
      return (
        old !== undefined &&
        tables.appendEnds.has(first + index) === (first + index === last) &&
        old.event.eventId === given.eventId &&
        streamKey(old.event.stream) === streamKey(given.stream) &&
        old.event.eventType === given.eventType &&
        old.fingerprint === given.fingerprint
      );
    });
  if (!same) throw new EventIdReusedError(known.eventId, BigInt(tables.byId.get(known.eventId) ?? 0));
  return tables.log.slice(first - 1, last).map(({ event }) => event);
}
