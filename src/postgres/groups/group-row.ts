import type { GroupSettings } from '../../core/consumer-groups.js';
import { selectionFromJson } from '../../core/selection-json.js';
import type { StoredGroup } from '../../subscriptions/groups/group-storage.js';
import type { Row } from '../database.js';
import { microseconds } from '../stream-row.js';

/** Of `consumer_groups g`, for {@link groupFromRow}. */
export const GROUP_COLUMNS = `g.name, g.selection, g.ack_timeout_ms, g.max_attempts, g.retry_delay_ms, g.max_retry_delay_ms,
  g.slots, g.revision, ${microseconds('g.created_at')}`;

export function groupFromRow(row: Row): StoredGroup {
  const [
    name,
    selection,
    ackTimeoutMs,
    maxAttempts,
    retryDelayMs,
    maxRetryDelayMs,
    slots,
    revision,
    created,
  ] = row;
  return {
    name: name ?? '',
    selection: selectionFromJson(selection ?? '{}'),
    settings: {
      ackTimeoutMs: Number(ackTimeoutMs),
      maxAttempts: Number(maxAttempts),
      retryDelayMs: Number(retryDelayMs),
      maxRetryDelayMs: Number(maxRetryDelayMs),
    },
    slots: Number(slots),
    revision: BigInt(revision ?? 0),
    createdAt: BigInt(created ?? 0),
  };
}

/** As the functions take them. */
export function settingsArray(settings: GroupSettings): readonly number[] {
  const { ackTimeoutMs, maxAttempts, maxRetryDelayMs, retryDelayMs } = settings;
  return [ackTimeoutMs, maxAttempts, retryDelayMs, maxRetryDelayMs];
}

/** A bigint as a parameter; null where there is none. */
export function bigintOrNull(value: bigint | undefined): string | null {
  return value === undefined ? null : String(value);
}
