import type { Filter, Scope } from './filter.js';

/** Which events a stored follower is about; by default the whole log. */
export interface EventSelection {
  /** @default the whole log */
  readonly scope?: Scope;
  /**
   * Match events that match at least one of these; at most 16.
   * @default all events
   */
  readonly filters?: readonly Filter[];
}
