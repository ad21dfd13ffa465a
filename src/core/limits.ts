/** What a request may hold; each over-run is an `InvalidRequestError`. */
export interface Limits {
  /** Bytes of one event's data. */
  readonly eventDataBytes: number;
  /** Bytes of one event's metadata, keys and values together. */
  readonly eventMetadataBytes: number;
  /** Tags of one event. */
  readonly eventTags: number;
  /** Events of one append. */
  readonly appendEvents: number;
  /** Bytes of one append: data, metadata, names and tags. */
  readonly appendBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  eventDataBytes: 1024 * 1024,
  eventMetadataBytes: 64 * 1024,
  eventTags: 64,
  appendEvents: 1000,
  appendBytes: 4 * 1024 * 1024,
};

/** Bytes of an aggregate type, aggregate id, event type, content type, tag or metadata key. */
export const NAME_BYTES = 255;
/** Streams of one append. */
export const APPEND_STREAMS = 1000;
/** Filters of one request. */
export const FILTERS = 16;
/** Event types or aggregate types or streams of one request. */
export const FILTER_NAMES = 100;
/** Tags of one filter. */
export const FILTER_TAGS = 64;
/** The highest position, version or epoch: what a Postgres bigint holds. */
export const MAX_BIGINT = 2n ** 63n - 1n;
/** The highest schema version: what a Postgres integer holds. */
export const MAX_INTEGER = 2 ** 31 - 1;

/** Items of one append condition … */
export const CONDITION_ITEMS = 100;
/** … and event types and tags of all of them. */
export const CONDITION_NAMES = 1000;
/** Bytes of the events that come along with a refusal. */
export const INTERVENING_BYTES = 1024 * 1024;
/** Comparisons of one filter. */
export const COMPARISONS = 16;
/** Values of one comparison … */
export const COMPARISON_VALUES = 100;
/** … bytes of each … */
export const COMPARISON_VALUE_BYTES = 4096;
/** … and of a regular expression, whose cost is its length times that of the text. */
export const PATTERN_BYTES = 256;
/** Versions of one erasure … */
export const ERASED_VERSIONS = 1000;
/** … and the ranges in which they are named. */
export const ERASED_RANGES = 100;
/** Entries of one page of a list. */
export const LIST_PAGE = 1000;
/** … and without a wish. */
export const DEFAULT_LIST_PAGE = 100;

/** A page of Load: at most so many events … */
export const PAGE_EVENTS = 1000;
/** … and so many bytes, or one event. */
export const PAGE_BYTES = 2 * 1024 * 1024;
