import type { CallOptions } from '../../core/call-options.js';
import type {
  ConsumerGroup,
  GroupList,
  GroupMember,
  GroupSettings,
  PageRequest,
  ParkedList,
  ReplayParkedRequest,
} from '../../core/consumer-groups.js';
import type { EventSelection } from '../../core/selection.js';
import type { StreamId } from '../../core/stream.js';
import type { LogPosition } from '../../core/subscribe.js';

/** A group as it is stored. */
export interface StoredGroup extends ConsumerGroup {
  /** Higher with each update and each reset: who works by an older one must read it again. */
  readonly revision: bigint;
}

/** A slot of a group that a member holds. */
export interface HeldSlot {
  readonly slot: number;
  /** Higher each time that the slot changes hands: what is written for a slot names it, and is refused with an older one. */
  readonly fence: bigint;
  /** All events of the slot up to here are done, or parked. */
  readonly position: LogPosition;
  /**
   * Another member is to have it: deliver nothing more of it, and release it as soon as what is under way is answered.
   */
  readonly wanted: boolean;
}

/** A stream of a slot about which more is known than the slot's position. */
export interface StreamMark {
  readonly slot: number;
  readonly stream: StreamId;
  /** `ACKED`: its events up to `position` are done, by `headwater.ack`, although the slot is not there yet. */
  readonly kind: 'ACKED' | 'FAILING' | 'PARKED' | 'REPLAYING';
  /** Of FAILING, PARKED and REPLAYING: the first event of the stream that is not done. */
  readonly position: bigint;
  /** How often that was tried; 0 for ACKED. */
  readonly attempts: number;
}

/** News about a stream, to be kept before the slot's position passes it. */
export type StreamNews = { readonly slot: number; readonly stream: StreamId } & (
  | {
      /** Not done yet and tried so often, so that a crash does not begin to count anew. */
      readonly kind: 'FAILING';
      readonly position: bigint;
      readonly attempts: number;
    }
  | {
      /** Its events from this one on are held back. */
      readonly kind: 'PARKED';
      readonly position: bigint;
      readonly version: bigint;
      readonly eventType: string;
      readonly eventId: string;
      readonly attempts: number;
      readonly reason: string;
    }
  /** Of a stream that is replayed: its events before `position` are done. */
  | { readonly kind: 'REPLAYED'; readonly position: bigint }
  /** Nothing is to be remembered about it any more: what failed was handled, or the replay has caught up with its slot. */
  | { readonly kind: 'CLEAR' }
);

/** What an instance says about one of its members. */
export interface MemberBeat {
  readonly group: string;
  readonly memberId: string;
  /** It is gone: all its slots are free after this. */
  readonly leaving?: boolean;
  /** Slots whose position has moved, or that are released. */
  readonly slots: readonly {
    readonly slot: number;
    readonly fence: bigint;
    readonly position: LogPosition;
    readonly release?: boolean;
  }[];
  /** Kept together with the positions, each under the fence of its slot. */
  readonly news: readonly (StreamNews & { readonly fence: bigint })[];
  /** The slots that it knows to have, so that it is told about others. */
  readonly known: readonly { readonly slot: number; readonly fence: bigint }[];
  /** Of the group as it knows it. */
  readonly revision: bigint;
}

/** What a member learns. */
export interface MemberOrders {
  readonly group: string;
  readonly memberId: string;
  /** The group is gone, or the member is: its lease ran out. Nothing that it said was kept. */
  readonly ended?: 'GROUP_NOT_FOUND' | 'LEASE_LOST';
  /** All that it holds now. What it said about a slot that is not here with the same fence was not kept. */
  readonly slots: readonly HeldSlot[];
  /**
   * Of the slots that it did not know to have: all that is known about their streams. Of others: REPLAYING ones only, of
   * each slot the first 100 by position; the rest comes as these are cleared.
   */
  readonly marks: readonly StreamMark[];
  /** If it has another revision than the member knew. */
  readonly groupChanged?: StoredGroup;
}

/**
 * What consumer groups keep, and who holds which slot: leases by the clock of the database, with fencing numbers. Every
 * instance of the service works on the same. Implemented on Postgres and in memory.
 *
 * Slots are shared out evenly among the members of a group whose leases have not run out. A free slot goes to the member
 * with the fewest; where one member has more than its share, its surplus slots are marked as wanted, and when released they
 * go to who has the fewest. A slot that is wanted and not released within `releaseMs`, and all slots of a member whose lease
 * ran out, are taken away. Each change of hands raises the fence.
 */
export interface GroupStorage {
  /** Milliseconds that a member's lease lasts; beat at a third of it. */
  readonly leaseMs: number;
  /** `created` is false where the very same is there. Fails with `GroupExistsError`. */
  create(
    group: {
      readonly name: string;
      readonly selection: EventSelection;
      readonly settings: GroupSettings;
      readonly slots: number;
      readonly position: LogPosition;
    },
    options?: CallOptions,
  ): Promise<{ readonly group: StoredGroup; readonly created: boolean }>;
  update(
    change: { readonly name: string; readonly selection?: EventSelection; readonly settings?: GroupSettings },
    options?: CallOptions,
  ): Promise<StoredGroup>;
  delete(name: string, options?: CallOptions): Promise<void>;
  /** Fails with `GroupNotFoundError`. */
  read(
    name: string,
    options?: CallOptions,
  ): Promise<{
    readonly group: StoredGroup;
    /** Of the slot that is furthest behind. */
    readonly position: LogPosition;
    readonly head: bigint;
    /** Whose leases last; at most 1,000. */
    readonly members: readonly GroupMember[];
    readonly parked: bigint;
  }>;
  list(request: PageRequest, options?: CallOptions): Promise<GroupList>;
  listParked(request: PageRequest & { readonly group: string }, options?: CallOptions): Promise<ParkedList>;
  /** Marks them as REPLAYING, those with `skipFirst` from behind the event that could not be handled. */
  replayParked(request: ReplayParkedRequest, options?: CallOptions): Promise<bigint>;
  /** Moves all slots, forgets all marks, raises all fences, frees all slots. */
  reset(name: string, position: LogPosition, options?: CallOptions): Promise<void>;
  /** Adds a member and shares out the slots anew. Fails with `GroupNotFoundError`. */
  join(
    member: { readonly group: string; readonly memberId: string; readonly name: string },
    options?: CallOptions,
  ): Promise<StoredGroup>;
  /**
   * In one transaction for all members of an instance: renews their leases, keeps what they say where the fence of the slot
   * is still theirs, frees what they release, shares out what is free, and tells each what it holds. Answers in the order
   * asked. At most 1,000 members and 10,000 pieces of news at a time.
   */
  beat(beats: readonly MemberBeat[], options?: CallOptions): Promise<readonly MemberOrders[]>;
  /** Calls the listener when slots may have been shared out anew, or a group changed: a hint that may be missing. */
  onChange(listener: (group: string) => void): () => void;
}
