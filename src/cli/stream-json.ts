import type { StreamInfo } from '../core/stream.js';
import { isoTime } from './time.js';

/** What is known about a stream, as `streams` and `stream` print it. Numbers that may be large are strings. */
export function streamToJson(info: StreamInfo): Record<string, unknown> {
  const { maxAge, maxCount } = info.retention;
  return {
    stream: { aggregate_type: info.stream.aggregateType, aggregate_id: info.stream.aggregateId },
    version: String(info.version),
    first_version: String(info.firstVersion),
    created_at: isoTime(info.createdAt),
    updated_at: isoTime(info.updatedAt),
    ...(info.deletedAt === undefined ? {} : { deleted_at: isoTime(info.deletedAt) }),
    retention: {
      ...(maxAge === undefined ? {} : { max_age_microseconds: String(maxAge) }),
      ...(maxCount === undefined ? {} : { max_count: String(maxCount) }),
    },
    ...(info.erasing === 0n ? {} : { erasing: String(info.erasing) }),
  };
}
