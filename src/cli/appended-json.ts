import type { Appended } from '../core/append.js';
import { isoTime } from './time.js';

/** What an append answers, as JSON. Numbers that may be large are strings. */
export function appendedToJson(appended: Appended): Record<string, unknown> {
  return {
    first_position: String(appended.firstPosition),
    last_position: String(appended.lastPosition),
    versions: appended.versions.map(({ stream, version }) => ({
      aggregate_type: stream.aggregateType,
      aggregate_id: stream.aggregateId,
      version: String(version),
    })),
    event_ids: appended.eventIds,
    ...(appended.recordedAt === undefined ? {} : { recorded_at: isoTime(appended.recordedAt) }),
    epoch: String(appended.epoch),
    deduplicated: appended.deduplicated,
  };
}
