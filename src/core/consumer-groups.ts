import type { CallOptions } from './call-options.js';
import type { Event, Microseconds } from './event.js';
import type { EventSelection } from './selection.js';
import type { StreamId } from './stream.js';
import type { LogPosition, SubscribeStart } from './subscribe.js';

/** How a group delivers. */
export interface GroupSettings {
  /** Milliseconds for which a member may keep a delivery without an answer; 1 s to 1 h. @default 60000 */
  readonly ackTimeoutMs: number;
  /** How often an event is tried before it is parked; 1 to 1,000. @default 10 */
  readonly maxAttempts: number;
  /** Milliseconds before the second attempt, doubled for each further one; 0 to 1 h. @default 200 */
  readonly retryDelayMs: number;
  /** Milliseconds at most; at least `retryDelayMs`, at most 24 h. @default 60000 */
  readonly maxRetryDelayMs: number;
}

export const DEFAULT_GROUP_SETTINGS: GroupSettings = {
  ackTimeoutMs: 60_000,
  maxAttempts: 10,
  retryDelayMs: 200,
  maxRetryDelayMs: 60_000,
};

/** Slots of a group where it says nothing. */
export const DEFAULT_SLOTS = 64;

/** A named, stored subscription that competing consumers share. */
export interface ConsumerGroup {
  readonly name: string;
  readonly selection: EventSelection;
  readonly settings: GroupSettings;
  /** Into how many the streams are shared out: with 1 there is one order over all streams. */
  readonly slots: number;
  readonly createdAt: Microseconds;
}

export interface CreateGroupRequest {
  /** 1 to 255 bytes, no control characters, no `$` in front. */
  readonly name: string;
  /** @default the whole log */
  readonly selection?: EventSelection;
  /**
   * A repeated create does not move it.
   * @default before the first event
   */
  readonly start?: SubscribeStart;
  readonly settings?: Partial<GroupSettings>;
  /** 1 to 1,024; cannot be changed. @default 64 */
  readonly slots?: number;
}

export interface UpdateGroupRequest {
  readonly name: string;
  /** @default as it was */
  readonly selection?: EventSelection;
  /** All of them: what is left out gets its default. @default as they were */
  readonly settings?: Partial<GroupSettings>;
}

/** A consumer that is connected, to whichever instance. */
export interface GroupMember {
  readonly memberId: string;
  readonly name: string;
  readonly slots: number;
  readonly joinedAt: Microseconds;
}

/** A group, and how it is doing. */
export interface GroupState {
  readonly group: ConsumerGroup;
  /** All up to here is done, or parked. */
  readonly position: LogPosition;
  /** Positions between that and the end of the log. */
  readonly lag: bigint;
  readonly members: readonly GroupMember[];
  /** Streams that are parked. */
  readonly parked: bigint;
}

/** A stream whose next event could not be handled; it and what came behind it in the stream are held back. */
export interface ParkedStream {
  readonly stream: StreamId;
  readonly position: bigint;
  readonly version: bigint;
  readonly eventType: string;
  readonly eventId: string;
  readonly attempts: number;
  /** At most 1 KiB. */
  readonly reason: string;
  readonly parkedAt: Microseconds;
  /** It is to be tried again, or is being tried. */
  readonly replaying: boolean;
}

/** Which page of a list. */
export interface PageRequest {
  /** At most so many, up to 1,000. @default 100 */
  readonly pageSize?: number;
  /** The `nextPageToken` of the page before. @default the first page */
  readonly pageToken?: string;
}

export interface GroupList {
  readonly groups: readonly ConsumerGroup[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

export interface ParkedList {
  readonly parked: readonly ParkedStream[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

export interface ReplayParkedRequest {
  readonly group: string;
  /** @default all that are parked */
  readonly stream?: StreamId;
  /**
   * Leave the event out that could not be handled, and go on behind it.
   * @default false
   */
  readonly skipFirst?: boolean;
}

export interface JoinGroupRequest {
  readonly group: string;
  /** For people; at most 255 bytes. */
  readonly memberName?: string;
  /** Events that may be under way without an answer, up to 10,000. @default 64 */
  readonly maxInFlight?: number;
}

/** Events of one stream that follow each other. No others of the stream come before these are answered. */
export interface Delivery {
  /** One or several, to be handled in this order. */
  readonly events: readonly Event[];
  /** 1 for the first try of the first of the events. */
  readonly attempt: number;
  /** They were parked, and are tried again. */
  readonly replayed: boolean;
}

/** What a member is told. */
export type GroupMessage =
  | { readonly kind: 'DELIVER'; readonly deliveries: readonly Delivery[] }
  /** These went to other members; an answer to them is too late. */
  | { readonly kind: 'REVOKED'; readonly positions: readonly bigint[] }
  /** The service shuts down: answer what is under way and join elsewhere. */
  | { readonly kind: 'DRAINING' };

/** What becomes of an event that could not be handled. */
export type NackAction =
  /** Tried again after so many milliseconds, at most 24 h; without a number after the back-off of the group. */
  | { readonly kind: 'RETRY'; readonly afterMs?: number }
  /** Parked, with what comes behind it in its stream, until it is replayed. */
  | { readonly kind: 'PARK' }
  /** Left out, as if it had been handled. */
  | { readonly kind: 'SKIP' };

export interface Nack {
  readonly position: bigint;
  /** @default retry with the back-off of the group */
  readonly action?: NackAction;
  /** For people; at most 1 KiB, longer is cut. */
  readonly reason?: string;
}

/** A place in a group, for as long as it is kept. */
export interface GroupMembership {
  /** What `headwater.ack` takes. */
  readonly memberId: string;
  readonly ackTimeoutMs: number;
  /**
   * What comes, in order; to be taken by one reader. Ends after `leave`, when all is answered. Fails with
   * `GroupNotFoundError` when the group is deleted, `LeaseLostError` when the membership ran out (the database was out of
   * reach, or the process stood still), `OverloadedError` when a delivery was not answered in time or nothing was taken,
   * `StoreUnavailableError`: join again.
   */
  readonly messages: AsyncIterable<GroupMessage>;
  /**
   * These events, and those of their streams that were delivered before them, are done. Resolves some 25 ms later, when
   * the storage has confirmed that this member still has their slots, with the positions of which that is not so: others
   * have them, and they come again. A position that is not under way, or was answered before, is among these. Rejects when
   * the membership has ended.
   *
   * What is stored is up to where all of a slot is done. So after a crash what was acknowledged behind an event that was
   * still under way in its slot comes again, in order: at least once. `headwater.ack` keeps it by stream, in the consumer's
   * own transaction.
   */
  ack(positions: readonly bigint[]): Promise<readonly bigint[]>;
  /** This event could not be handled; those of its stream that were delivered before it are done. As `ack`. */
  nack(nack: Nack): Promise<readonly bigint[]>;
  /** 0 stops deliveries. */
  setMaxInFlight(events: number): void;
  /** Takes no more deliveries; what is under way may still be answered. Resolves when the membership has ended. */
  leave(): Promise<void>;
}

/**
 * Consumer groups: each event at least once, all events of one stream in order and to one member at a time. Implemented
 * beside a log, and over gRPC. All fail with `StoreUnavailableError` (retry) and `InvalidRequestError`.
 */
export interface ConsumerGroups {
  /** Creates a group, or finds the very same there. Fails with `GroupExistsError` if it differs from what is there. */
  create(
    request: CreateGroupRequest,
    options?: CallOptions,
  ): Promise<ConsumerGroup & { readonly created: boolean }>;
  /** Fails with `GroupNotFoundError`. Members go on with what is new within seconds. */
  update(request: UpdateGroupRequest, options?: CallOptions): Promise<ConsumerGroup>;
  /** Fails with `GroupNotFoundError`. */
  delete(name: string, options?: CallOptions): Promise<void>;
  /** Fails with `GroupNotFoundError`. */
  get(name: string, options?: CallOptions): Promise<GroupState>;
  list(request?: PageRequest, options?: CallOptions): Promise<GroupList>;
  /** By position. Fails with `GroupNotFoundError`. */
  listParked(request: PageRequest & { readonly group: string }, options?: CallOptions): Promise<ParkedList>;
  /** Gives how many streams are to be tried again. Fails with `GroupNotFoundError`. */
  replayParked(request: ReplayParkedRequest, options?: CallOptions): Promise<bigint>;
  /**
   * Moves a group; what was parked is forgotten, members go on from there within seconds. Gives up to where all counts as
   * done now. Fails with `GroupNotFoundError`, `PositionUnknownError`, `LogEpochChangedError`.
   */
  reset(
    request: { readonly name: string; readonly start?: SubscribeStart },
    options?: CallOptions,
  ): Promise<LogPosition>;
  /** Becomes a member. Fails with `GroupNotFoundError`. Aborting the signal ends the membership at once. */
  join(request: JoinGroupRequest, options?: Pick<CallOptions, 'signal'>): Promise<GroupMembership>;
}
