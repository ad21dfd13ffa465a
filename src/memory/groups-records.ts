import type { GroupSettings, ParkedStream } from '../core/consumer-groups.js';
import type { Microseconds } from '../core/event.js';
import type { StreamId } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import type { StoredGroup, StreamMark } from '../subscriptions/groups/group-storage.js';

/** A group as it is kept. */
export interface GroupRecord {
  stored: StoredGroup;
  /** Its selection as text, to compare it by. */
  selection: string;
  /** By number. */
  readonly slots: readonly SlotRecord[];
  /** By their ids. */
  readonly members: Map<string, MemberRecord>;
  /** By the keys of their streams. */
  readonly marks: Map<string, MarkRecord>;
  /** How far streams are done, in front of their slot or while they are parked; by their keys. */
  readonly acks: Map<string, AckRecord>;
}

export interface SlotRecord {
  readonly slot: number;
  fence: bigint;
  position: LogPosition;
  /** Who holds it; `undefined`: nobody. */
  member: string | undefined;
  /** Since when another is to have it, by the clock that never jumps. */
  wantedSince: number | undefined;
}

export interface MemberRecord {
  readonly memberId: string;
  readonly name: string;
  readonly joinedAt: Microseconds;
  /** By the clock that never jumps. */
  leasedUntil: number;
}

export interface MarkRecord extends StreamMark {
  readonly kind: 'FAILING' | 'PARKED' | 'REPLAYING';
  /** Of what was parked. */
  readonly parked?: {
    readonly version: bigint;
    readonly eventType: string;
    readonly eventId: string;
    readonly reason: string;
    readonly parkedAt: Microseconds;
  };
}

export interface AckRecord {
  readonly slot: number;
  readonly stream: StreamId;
  readonly position: bigint;
}

/** Whether a group that is created again is the same. */
export function sameSettings(one: GroupSettings, other: GroupSettings): boolean {
  return (
    one.ackTimeoutMs === other.ackTimeoutMs &&
    one.maxAttempts === other.maxAttempts &&
    one.retryDelayMs === other.retryDelayMs &&
    one.maxRetryDelayMs === other.maxRetryDelayMs
  );
}

/** As it is listed. */
export function parkedStream({
  attempts,
  kind,
  parked,
  position,
  stream,
}: Required<MarkRecord>): ParkedStream {
  return { stream: { ...stream }, position, attempts, ...parked, replaying: kind === 'REPLAYING' };
}
