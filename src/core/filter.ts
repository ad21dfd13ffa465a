import type { Microseconds } from './event.js';
import type { StreamId } from './stream.js';

/** Where to look: the whole log, one stream, several streams merged in log order, or some aggregate types. */
export type Scope =
  | { readonly kind: 'LOG' }
  | { readonly kind: 'STREAM'; readonly stream: StreamId }
  | { readonly kind: 'STREAMS'; readonly streams: readonly StreamId[] }
  | { readonly kind: 'AGGREGATE_TYPES'; readonly aggregateTypes: readonly string[] };

export const WHOLE_LOG: Scope = { kind: 'LOG' };

/** A range with both bounds included; a bound that is left out does not bind. */
export interface Range<T> {
  readonly first?: T;
  readonly last?: T;
}

/** Matches the events for which every field that is set holds; with nothing set, all. */
export interface Filter {
  /** Any of these types; at most 100. */
  readonly eventTypes?: readonly string[];
  /** Every one of these tags; at most 64. */
  readonly tags?: readonly string[];
  readonly versions?: Range<bigint>;
  readonly positions?: Range<bigint>;
  /** In microseconds. */
  readonly recorded?: Range<Microseconds>;
}
