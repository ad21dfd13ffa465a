import type { CallOptions } from '../../core/call-options.js';
import type {
  GroupList,
  GroupSettings,
  PageRequest,
  ParkedList,
  ReplayParkedRequest,
} from '../../core/consumer-groups.js';
import type { HeadwaterError, Outcome } from '../../core/errors.js';
import type { Runtime } from '../../core/runtime.js';
import type { EventSelection } from '../../core/selection.js';
import type { LogPosition } from '../../core/subscribe.js';
import type {
  GroupStorage,
  MemberBeat,
  MemberOrders,
  StoredGroup,
} from '../../subscriptions/groups/group-storage.js';
import {
  LEASE_MS,
  MAX_PARKED,
  RELEASE_MS,
  refuseLargeBeat,
} from '../../subscriptions/groups/storage-limits.js';
import type { Database } from '../database.js';
import { storeError } from '../sqlstate.js';
import { beat, type BeatOptions } from './beat.js';
import {
  createGroup,
  deleteGroup,
  joinGroup,
  type NewGroup,
  replayParked,
  resetGroup,
  updateGroup,
} from './change-group.js';
import type { GroupDatabase } from './group-database.js';
import { GroupHints } from './group-hints.js';
import { listGroups } from './list-groups.js';
import { listParked } from './list-parked.js';
import { readGroup } from './read-group.js';

export interface PostgresGroupStorageOptions {
  readonly database: Database;
  /** The schema, which is migrated already. */
  readonly schema: string;
  readonly runtime: Runtime;
  /** Milliseconds that a member's lease lasts. @default 6000 */
  readonly leaseMs?: number;
  /** Milliseconds after which a slot that is wanted is taken away. @default 5000 */
  readonly releaseMs?: number;
  /** How many streams of a group may be parked. @default 100000 */
  readonly maxParked?: number;
  /** Logs an unexpected failure, and gives the error to answer instead. */
  readonly onUnexpected: (error: unknown, outcome?: Outcome) => HeadwaterError;
}

/** Consumer groups on Postgres: every instance of the service works on the same rows. */
export class PostgresGroupStorage implements GroupStorage {
  readonly leaseMs: number;
  readonly #options: PostgresGroupStorageOptions;
  readonly #beat: BeatOptions;
  readonly #hints: GroupHints;

  constructor(options: PostgresGroupStorageOptions) {
    this.#options = options;
    this.leaseMs = options.leaseMs ?? LEASE_MS;
    this.#beat = {
      leaseMs: this.leaseMs,
      releaseMs: options.releaseMs ?? RELEASE_MS,
      maxParked: options.maxParked ?? MAX_PARKED,
    };
    this.#hints = new GroupHints(options);
  }

  create(
    group: NewGroup,
    options?: CallOptions,
  ): Promise<{ readonly group: StoredGroup; readonly created: boolean }> {
    return this.#typed((at) => createGroup(at, group), options);
  }

  update(
    change: { readonly name: string; readonly selection?: EventSelection; readonly settings?: GroupSettings },
    options?: CallOptions,
  ): Promise<StoredGroup> {
    return this.#changing(change.name, (at) => updateGroup(at, change), options);
  }

  delete(name: string, options?: CallOptions): Promise<void> {
    return this.#changing(name, (at) => deleteGroup(at, name), options);
  }

  read(name: string, options?: CallOptions): ReturnType<GroupStorage['read']> {
    return this.#typed((at) => readGroup(at, name), options);
  }

  list(request: PageRequest, options?: CallOptions): Promise<GroupList> {
    return this.#typed((at) => listGroups(at, request), options);
  }

  listParked(request: PageRequest & { readonly group: string }, options?: CallOptions): Promise<ParkedList> {
    return this.#typed((at) => listParked(at, request), options);
  }

  replayParked(request: ReplayParkedRequest, options?: CallOptions): Promise<bigint> {
    return this.#changing(request.group, (at) => replayParked(at, request), options);
  }

  reset(name: string, position: LogPosition, options?: CallOptions): Promise<void> {
    return this.#changing(name, (at) => resetGroup(at, name, position), options);
  }

  join(
    member: { readonly group: string; readonly memberId: string; readonly name: string },
    options?: CallOptions,
  ): Promise<StoredGroup> {
    return this.#changing(member.group, (at) => joinGroup(at, member, this.#beat), options);
  }

  async beat(beats: readonly MemberBeat[], options?: CallOptions): Promise<readonly MemberOrders[]> {
    refuseLargeBeat(beats);
    if (beats.length === 0) return [];
    const { orders, shared } = await this.#typed((at) => beat(at, beats, this.#beat), options);
    for (const group of shared) this.#hints.tell(group);
    return orders;
  }

  onChange(listener: (group: string) => void): () => void {
    return this.#hints.add(listener);
  }

  /** As {@link #typed}, and tells those who wait for changes of the group. */
  async #changing<T>(
    group: string,
    work: (at: GroupDatabase) => Promise<T>,
    options?: CallOptions,
  ): Promise<T> {
    const done = await this.#typed(work, options);
    this.#hints.tell(group);
    return done;
  }

  /** What a statement answers, with the driver's errors turned into typed ones. */
  async #typed<T>(work: (at: GroupDatabase) => Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    const { database, onUnexpected, schema } = this.#options;
    try {
      return await work({ database, schema, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw storeError(error) ?? onUnexpected(error);
    }
  }
}
