import type { CallOptions } from '../core/call-options.js';
import type {
  GroupList,
  GroupSettings,
  PageRequest,
  ParkedList,
  ReplayParkedRequest,
} from '../core/consumer-groups.js';
import type { EventStore } from '../core/event-store.js';
import { GroupExistsError, GroupNotFoundError, LeaseLostError } from '../core/follower-errors.js';
import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { Runtime } from '../core/runtime.js';
import type { EventSelection } from '../core/selection.js';
import { selectionFromJson, selectionToJson } from '../core/selection-json.js';
import { type StreamId, streamKey } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import { compareUtf8 } from '../core/utf8-order.js';
import {
  type GroupStorage,
  type MemberBeat,
  type MemberOrders,
  type StoredGroup,
} from '../subscriptions/groups/group-storage.js';
import { compareParked, lastParked, parkedToken } from '../subscriptions/groups/parked-page.js';
import { slotOf } from '../subscriptions/groups/slot-of.js';
import { LEASE_MS, MAX_PARKED, RELEASE_MS, refuseLargeBeat } from '../subscriptions/groups/storage-limits.js';
import { hear, tell } from './groups-beat.js';
import { keepAck, parkedMarks } from './groups-news.js';
import { type GroupRecord, parkedStream, sameSettings } from './groups-records.js';
import { free, shareOut } from './groups-share.js';

/** What groups in memory may be told. */
export interface MemoryGroupStorageOptions {
  readonly runtime: Runtime;
  /** Whose events the groups are about. */
  readonly store: Pick<EventStore, 'getLog'>;
  /** Milliseconds that a member's lease lasts. @default 6000 */
  readonly leaseMs?: number;
  /** Milliseconds after which a slot that is wanted is taken away. @default 5000 */
  readonly releaseMs?: number;
  /** How many streams of a group may be parked. @default 100000 */
  readonly maxParked?: number;
}

/** Consumer groups in memory, for tests: they pass the same contract suite as those on Postgres. */
export class MemoryGroupStorage implements GroupStorage {
  readonly leaseMs: number;
  readonly #runtime: Runtime;
  readonly #store: Pick<EventStore, 'getLog'>;
  readonly #releaseMs: number;
  readonly #maxParked: number;
  readonly #groups = new Map<string, GroupRecord>();
  readonly #listeners = new Set<(group: string) => void>();

  constructor(options: MemoryGroupStorageOptions) {
    this.#runtime = options.runtime;
    this.#store = options.store;
    this.leaseMs = options.leaseMs ?? LEASE_MS;
    this.#releaseMs = options.releaseMs ?? RELEASE_MS;
    this.#maxParked = options.maxParked ?? MAX_PARKED;
  }

  async create(
    wanted: {
      readonly name: string;
      readonly selection: EventSelection;
      readonly settings: GroupSettings;
      readonly slots: number;
      readonly position: LogPosition;
    },
    { signal }: CallOptions = {},
  ): Promise<{ readonly group: StoredGroup; readonly created: boolean }> {
    signal?.throwIfAborted();
    const { name, position, settings, slots } = wanted;
    const selection = selectionToJson(wanted.selection);
    const found = this.#groups.get(name);
    if (found) {
      const { stored } = found;
      const same = found.selection === selection && stored.slots === slots;
      if (!same || !sameSettings(stored.settings, settings)) throw new GroupExistsError(name);
      return { group: stored, created: false };
    }
    const group: StoredGroup = {
      name,
      selection: selectionFromJson(selection),
      settings: { ...settings },
      slots,
      createdAt: this.#runtime.now(),
      revision: 1n,
    };
    this.#groups.set(name, {
      stored: group,
      selection,
      slots: Array.from({ length: slots }, (_, slot) => ({
        slot,
        fence: 0n,
        position: { ...position },
        member: undefined,
        wantedSince: undefined,
      })),
      members: new Map(),
      marks: new Map(),
      acks: new Map(),
    });
    return { group, created: true };
  }

  async update(
    change: { readonly name: string; readonly selection?: EventSelection; readonly settings?: GroupSettings },
    { signal }: CallOptions = {},
  ): Promise<StoredGroup> {
    signal?.throwIfAborted();
    const group = this.#found(change.name);
    group.selection = change.selection ? selectionToJson(change.selection) : group.selection;
    group.stored = {
      ...group.stored,
      selection: selectionFromJson(group.selection),
      settings: { ...(change.settings ?? group.stored.settings) },
      revision: group.stored.revision + 1n,
    };
    this.#changed(change.name);
    return group.stored;
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#found(name);
    this.#groups.delete(name);
    this.#changed(name);
  }

  async read(name: string, { signal }: CallOptions = {}): ReturnType<GroupStorage['read']> {
    signal?.throwIfAborted();
    const { position: head } = await this.#store.getLog();
    const group = this.#found(name);
    const now = this.#runtime.monotonic();
    const members = [...group.members.values()]
      .filter(({ leasedUntil }) => leasedUntil > now)
      .sort(
        (one, other) => Number(one.joinedAt - other.joinedAt) || compareUtf8(one.memberId, other.memberId),
      )
      .slice(0, 1000)
      .map(({ joinedAt, memberId, name: called }) => ({
        memberId,
        name: called,
        slots: group.slots.filter(({ member }) => member === memberId).length,
        joinedAt,
      }));
    const position = group.slots
      .map((slot) => slot.position)
      .reduce((least, one) => (one.position < least.position ? one : least));
    return { group: group.stored, position, head, members, parked: BigInt(parkedMarks(group).length) };
  }

  async list(request: PageRequest, { signal }: CallOptions = {}): Promise<GroupList> {
    signal?.throwIfAborted();
    const { pageSize = DEFAULT_LIST_PAGE, pageToken: token } = request;
    const [after] = lastKeyOf(token, ['groups'], 1) ?? [];
    const rest = [...this.#groups.values()]
      .map(({ stored }) => stored)
      .filter(({ name }) => after === undefined || compareUtf8(name, after) > 0)
      .sort((one, other) => compareUtf8(one.name, other.name));
    const groups = rest.slice(0, pageSize);
    const last = groups.at(-1);
    const more = last !== undefined && rest.length > groups.length;
    return { groups, nextPageToken: more ? pageToken(['groups'], [last.name]) : undefined };
  }

  async listParked(
    request: PageRequest & { readonly group: string },
    { signal }: CallOptions = {},
  ): Promise<ParkedList> {
    signal?.throwIfAborted();
    const { group, pageSize = DEFAULT_LIST_PAGE, pageToken: token } = request;
    const after = lastParked(token, group);
    const rest = [...parkedMarks(this.#found(group))]
      .filter((mark) => after === undefined || compareParked(mark, after) > 0)
      .sort(compareParked);
    const page = rest.slice(0, pageSize);
    const last = page.at(-1);
    const more = last !== undefined && rest.length > page.length;
    return {
      parked: page.map(parkedStream),
      nextPageToken: more ? parkedToken(group, last) : undefined,
    };
  }

  async replayParked(request: ReplayParkedRequest, { signal }: CallOptions = {}): Promise<bigint> {
    signal?.throwIfAborted();
    const group = this.#found(request.group);
    const only = request.stream && streamKey(request.stream);
    let count = 0n;
    for (const [key, mark] of group.marks) {
      if (mark.kind !== 'PARKED' || (only !== undefined && key !== only)) continue;
      const position = request.skipFirst ? mark.position + 1n : mark.position;
      group.marks.set(key, { ...mark, kind: 'REPLAYING', position, attempts: 0 });
      count += 1n;
    }
    if (count > 0n) this.#changed(request.group);
    return count;
  }

  async reset(name: string, position: LogPosition, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const group = this.#found(name);
    for (const slot of group.slots) {
      free(slot);
      slot.fence += 1n;
      slot.position = { ...position };
    }
    group.marks.clear();
    group.acks.clear();
    group.stored = { ...group.stored, revision: group.stored.revision + 1n };
    this.#changed(name);
  }

  async join(
    member: { readonly group: string; readonly memberId: string; readonly name: string },
    { signal }: CallOptions = {},
  ): Promise<StoredGroup> {
    signal?.throwIfAborted();
    const { memberId, name } = member;
    const group = this.#found(member.group);
    const joinedAt = group.members.get(memberId)?.joinedAt ?? this.#runtime.now();
    const leasedUntil = this.#runtime.monotonic() + this.leaseMs;
    group.members.set(memberId, { memberId, name, joinedAt, leasedUntil });
    this.#share(group);
    return group.stored;
  }

  async beat(beats: readonly MemberBeat[], { signal }: CallOptions = {}): Promise<readonly MemberOrders[]> {
    signal?.throwIfAborted();
    refuseLargeBeat(beats);
    const clock = {
      now: this.#runtime.now(),
      monotonic: this.#runtime.monotonic(),
      leaseMs: this.leaseMs,
      maxParked: this.#maxParked,
    };
    const heard = beats.map((beat) => {
      const group = this.#groups.get(beat.group);
      return { beat, group, isMember: group !== undefined && hear(group, beat, clock) };
    });
    for (const group of new Set(heard.map((one) => one.group))) if (group) this.#share(group);
    return heard.map(({ beat, group, isMember }) => {
      if (group && isMember) return tell(group, beat);
      const ended = group ? 'LEASE_LOST' : 'GROUP_NOT_FOUND';
      return { group: beat.group, memberId: beat.memberId, ended, slots: [], marks: [] };
    });
  }

  /**
   * What `headwater.ack` is on Postgres, which takes part in the consumer's own transaction there. Gives whether it was not
   * done before. Fails with `GroupNotFoundError`, and with `LeaseLostError` for who does not hold the stream's slot.
   */
  ack(done: {
    readonly group: string;
    readonly memberId: string;
    readonly stream: StreamId;
    readonly position: bigint;
  }): boolean {
    const { memberId, position, stream } = done;
    const group = this.#found(done.group);
    const slot = group.slots[slotOf(stream, group.slots.length)];
    if (slot?.member !== memberId) throw new LeaseLostError(memberId);
    return keepAck(group, slot, { slot: slot.slot, stream: { ...stream }, position });
  }

  onChange(listener: (group: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #share(group: GroupRecord): void {
    if (shareOut(group, this.#runtime.monotonic(), this.#releaseMs)) this.#changed(group.stored.name);
  }

  #found(name: string): GroupRecord {
    const group = this.#groups.get(name);
    if (group === undefined) throw new GroupNotFoundError(name);
    return group;
  }

  #changed(group: string): void {
    for (const listener of this.#listeners) listener(group);
  }
}
