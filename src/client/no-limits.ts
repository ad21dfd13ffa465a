import type { Limits } from '../core/limits.js';

/**
 * Sizes are the service's to limit. The other rules hold here too, because some of what they forbid cannot be said on
 * the wire, where an empty id is none, a limit of 0 is "all", and a lone surrogate silently becomes U+FFFD.
 */
export const NO_LIMITS: Limits = {
  eventDataBytes: Number.POSITIVE_INFINITY,
  eventMetadataBytes: Number.POSITIVE_INFINITY,
  eventTags: Number.POSITIVE_INFINITY,
  appendEvents: Number.POSITIVE_INFINITY,
  appendBytes: Number.POSITIVE_INFINITY,
};
