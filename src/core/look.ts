import type { Event } from './event.js';

/** To be looked at, and not to be kept: it may be another one at the next look. */
export type Seen = Omit<Event, 'erased'>;

/** One event after the other. */
export interface Look {
  at(index: number): Seen;
}
