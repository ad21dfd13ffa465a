import type { CallOptions } from '../../core/call-options.js';
import type {
  ConsumerGroup,
  ConsumerGroups,
  CreateGroupRequest,
  GroupList,
  GroupMembership,
  GroupState,
  JoinGroupRequest,
  PageRequest,
  ParkedList,
  ReplayParkedRequest,
  UpdateGroupRequest,
} from '../../core/consumer-groups.js';
import { DEFAULT_SLOTS } from '../../core/consumer-groups.js';
import { OverloadedError, StoreUnavailableError } from '../../core/errors.js';
import { onAbort } from '../../core/on-abort.js';
import type { LogPosition, SubscribeStart } from '../../core/subscribe.js';
import {
  DEFAULT_IN_FLIGHT,
  groupSettings,
  validateCreateGroup,
  validateGroupName,
  validateJoinGroup,
  validateListGroups,
  validateListParked,
  validateReplayParked,
  validateResetGroup,
  validateUpdateGroup,
} from '../../core/validate-group.js';
import { BeatLoop } from './beat-loop.js';
import { MEMBERSHIPS } from './group-limits.js';
import { GroupMember, type Permit } from './group-member.js';
import type { MemberBeat, StoredGroup } from './group-storage.js';
import type { GroupParts } from './member-parts.js';
import { startOf } from './start-of.js';

/**
 * The consumer groups of one namespace at one instance: its members, and the beats that keep their leases. Instances know
 * nothing of each other; they meet at the storage.
 */
export class GroupHost implements ConsumerGroups {
  readonly #parts: GroupParts;
  readonly #members = new Map<string, GroupMember>();
  readonly #beats: BeatLoop;
  readonly #forget: () => void;
  #isDraining = false;

  constructor(parts: GroupParts) {
    this.#parts = parts;
    this.#beats = new BeatLoop(parts.storage, parts.runtime, this.#members);
    this.#forget = parts.storage.onChange(() => this.#beats.soon());
  }

  /** Memberships at this instance. */
  get memberships(): number {
    return this.#members.size;
  }

  /** Events that are held in memory for all of them. */
  get heldEvents(): number {
    let held = 0;
    for (const member of this.#members.values()) held += member.heldEvents;
    return held;
  }

  async create(
    request: CreateGroupRequest,
    options?: CallOptions,
  ): Promise<ConsumerGroup & { readonly created: boolean }> {
    validateCreateGroup(request);
    const { name, selection = {}, settings, slots = DEFAULT_SLOTS, start = { kind: 'BEGINNING' } } = request;
    const position = await startOf(this.#parts.log, start, options);
    const { created, group } = await this.#parts.storage.create(
      { name, selection, settings: groupSettings(settings), slots, position },
      options,
    );
    return { ...withoutRevision(group), created };
  }

  async update(
    { name, selection, settings }: UpdateGroupRequest,
    options?: CallOptions,
  ): Promise<ConsumerGroup> {
    validateUpdateGroup({
      name,
      ...(selection && { selection }),
      ...(settings && { settings }),
    });
    const group = await this.#parts.storage.update(
      { name, ...(selection && { selection }), ...(settings && { settings: groupSettings(settings) }) },
      options,
    );
    return withoutRevision(group);
  }

  async delete(name: string, options?: CallOptions): Promise<void> {
    validateGroupName(name);
    await this.#parts.storage.delete(name, options);
  }

  async get(name: string, options?: CallOptions): Promise<GroupState> {
    validateGroupName(name);
    const { group, head, members, parked, position } = await this.#parts.storage.read(name, options);
    const lag = head > position.position ? head - position.position : 0n;
    return { group: withoutRevision(group), position, lag, members, parked };
  }

  async list(request: PageRequest = {}, options?: CallOptions): Promise<GroupList> {
    validateListGroups(request);
    return this.#parts.storage.list(request, options);
  }

  async listParked(
    request: PageRequest & { readonly group: string },
    options?: CallOptions,
  ): Promise<ParkedList> {
    validateListParked(request);
    return this.#parts.storage.listParked(request, options);
  }

  async replayParked(request: ReplayParkedRequest, options?: CallOptions): Promise<bigint> {
    validateReplayParked(request);
    return this.#parts.storage.replayParked(request, options);
  }

  async reset(
    request: { readonly name: string; readonly start?: SubscribeStart },
    options?: CallOptions,
  ): Promise<LogPosition> {
    validateResetGroup(request);
    const position = await startOf(this.#parts.log, request.start ?? { kind: 'BEGINNING' }, options);
    await this.#parts.storage.reset(request.name, position, options);
    return position;
  }

  /**
   * Fails with `OverloadedError` when there are 10,000 at this instance, with `StoreUnavailableError` once it drains. `permit`
   * throws for a selection that the consumer may not read; it is asked at once and before a change of it holds, and what it
   * throws ends the membership.
   */
  async join(
    request: JoinGroupRequest,
    { permit = () => undefined, signal }: Pick<CallOptions, 'signal'> & { readonly permit?: Permit } = {},
  ): Promise<GroupMembership> {
    validateJoinGroup(request);
    this.#checkOpen();
    const { group: name, maxInFlight = DEFAULT_IN_FLIGHT, memberName = '' } = request;
    const { runtime, storage } = this.#parts;
    const memberId = runtime.newEventId();
    const leaseEnds = runtime.monotonic() + storage.leaseMs;
    const group = await storage.join({ group: name, memberId, name: memberName }, signal && { signal });
    const host = {
      beatSoon: () => this.#beats.soon(),
      ended: (_: GroupMember, last: MemberBeat | undefined) => {
        this.#members.delete(memberId);
        letGo?.();
        if (last !== undefined) this.#beats.sayLast(last);
      },
    };
    const member = new GroupMember(this.#parts, host, { memberId, group, maxInFlight, leaseEnds, permit });
    const abort = () => member.end({ error: signal?.reason as Error, count: 'ALL' });
    const letGo = signal && onAbort(signal, abort);
    this.#members.set(memberId, member);
    if (signal?.aborted) abort();
    if (this.#isDraining) member.end({ error: shuttingDown() });
    signal?.throwIfAborted();
    member.checkPermitted();
    this.#beats.soon();
    return member;
  }

  /** Lets members answer what they have; resolves when all have left. May be called twice. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([...this.#members.values()].map((member) => member.drain()));
  }

  /** Ends all memberships; others take over at once, if the database can be reached. May be called twice. */
  async stop(): Promise<void> {
    this.#isDraining = true;
    this.#forget();
    for (const member of this.#members.values()) member.end({ error: shuttingDown() });
    await this.#beats.stop();
  }

  #checkOpen(): void {
    if (this.#isDraining) throw shuttingDown();
    if (this.#members.size < MEMBERSHIPS) return;
    throw new OverloadedError(`There are ${MEMBERSHIPS} members of consumer groups here; join elsewhere`, {
      limit: 'group_members',
      outcome: 'NOT_APPLIED',
    });
  }
}

function shuttingDown(): StoreUnavailableError {
  return new StoreUnavailableError('The service shuts down; join elsewhere', { outcome: 'NOT_APPLIED' });
}

function withoutRevision({ createdAt, name, selection, settings, slots }: StoredGroup): ConsumerGroup {
  return { name, selection, settings, slots, createdAt };
}
