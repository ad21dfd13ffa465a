import type { Event, Microseconds } from '../core/event.js';
import type { Range } from '../core/filter.js';
import { erasedEvent, firstKeptVersion, isSystemEventType, oldestKept } from '../core/system-events.js';
import { countBefore } from './count-before.js';
import type { StreamState } from './tables.js';

/** Empties what the stream no longer keeps by truncation, number and age; what is emptied stays hidden for good. */
export function expire(state: StreamState, now: Microseconds): void {
  const { entries, retention } = state;
  let kept = firstKeptVersion({ ...state, version: BigInt(entries.length) });
  if (retention.maxAge !== undefined) {
    const oldest = oldestKept(now, retention.maxAge);
    // Times never run backwards along versions.
    const expired = BigInt(countBefore(entries, ({ event }) => event.recordedAt < oldest));
    if (expired >= kept) kept = expired + 1n;
  }
  for (; state.emptiedBefore < kept; state.emptiedBefore += 1n) {
    const entry = entries[Number(state.emptiedBefore) - 1];
    // Of an erased event the shell stays for readers of the log, and so does what the store itself has recorded.
    if (entry === undefined || entry.event.erased || isSystemEventType(entry.event.eventType)) continue;
    entry.event = shell(entry.event);
    entry.gone = true;
  }
  if (state.truncatedBefore < kept) state.truncatedBefore = kept;
}

/**
 * Leaves only the shells of the events of these versions, but for the store's own, and gives those; those that are gone stay
 * gone.
 */
export function erase(state: StreamState, { first, last }: Required<Range<bigint>>): readonly Event[] {
  const erased = state.entries
    .slice(Number(first) - 1, Number(last))
    .filter(({ gone, event }) => !gone && !event.erased && !isSystemEventType(event.eventType));
  for (const entry of erased) entry.event = shell(entry.event);
  return erased.map(({ event }) => event);
}

function shell(event: Event): Event {
  return { ...erasedEvent(event), metadata: Object.freeze({}), tags: Object.freeze([]) };
}
