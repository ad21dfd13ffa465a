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
  /** Every one of these; at most 16. */
  readonly metadata?: readonly MetadataComparison[];
  /** Of streams that any of these names; at most 100. */
  readonly streams?: readonly StreamPattern[];
  /**
   * Of streams that any of these names, too: what the caller may see. Set by policies, never by a caller.
   * @default all
   */
  readonly only?: readonly StreamPattern[];
}

/** Names streams by aggregate type and id; with nothing set, all. Of `aggregateId` and `aggregateIdPrefix` only one. */
export interface StreamPattern {
  /** @default any */
  readonly aggregateType?: string;
  /** @default any */
  readonly aggregateId?: string;
  /** Those whose id begins so. */
  readonly aggregateIdPrefix?: string;
}

/**
 * What a value of the metadata must be. A key that is missing, or whose text is not of the kind that is asked for,
 * matches only `NOT_EQUAL` and `NOT_IN`.
 */
export interface MetadataComparison {
  /** 1 to 255 bytes, no control characters. */
  readonly key: string;
  readonly operator: ComparisonOperator;
  /**
   * As what to read the text, and the values. Strings compare by their bytes in UTF-8; numbers, as JSON writes them,
   * exactly, however many digits they have.
   * @default "STRING"
   */
  readonly kind?: ValueKind;
  /**
   * Exactly one, but for `IN` and `NOT_IN`, which take 1 to 100; at most 4,096 bytes each. For `MATCHES` a regular
   * expression in RE2's syntax, at most 256 bytes, which matches anywhere in the text unless it is anchored.
   */
  readonly values: readonly string[];
}

/** Booleans can only be equal or not, in or not in; only strings can match. */
export type ComparisonOperator =
  | 'EQUAL'
  | 'NOT_EQUAL'
  | 'GREATER'
  | 'GREATER_OR_EQUAL'
  | 'LESS'
  | 'LESS_OR_EQUAL'
  | 'IN'
  | 'NOT_IN'
  | 'MATCHES';

export type ValueKind = 'STRING' | 'NUMBER' | 'BOOLEAN';
