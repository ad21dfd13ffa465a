import { InvalidRequestError, StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { Microseconds } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { Filter } from '../core/filter.js';
import type { StreamId } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import type { Aggregate } from './aggregate.js';
import type { Presence } from './existence.js';
import { beginning, type FoldBase, Folding } from './folding.js';
import type { Snapshots } from './snapshots.js';

/** An aggregate as it was read. */
export interface ReadAggregate<State = unknown> {
  readonly stream: StreamId;
  /** Of its last event; 0 if it never had one. */
  readonly version: bigint;
  readonly deleted: boolean;
  /** The initial one if it has no events, or is deleted and not asked for. */
  readonly state: State;
  /** The version of the newest snapshot that is known of; 0 if none is. */
  readonly snapshotVersion: bigint;
  /** Of the events that were folded into it: an idea of its size. */
  readonly bytes: number;
  /** How far the log was read for it; `undefined` if that is not known. */
  readonly readTo: LogPosition | undefined;
}

/** As of when to read an aggregate. */
export type At =
  | { readonly version: bigint }
  | { readonly position: bigint }
  | { readonly time: Microseconds };

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /**
   * A deleted aggregate too, as it was.
   * @default false
   */
  readonly includeDeleted?: boolean;
  /** The log must have come this far. */
  readonly minPosition?: LogPosition;
  readonly timeoutMilliseconds?: number;
}

/** What of a store is needed to read aggregates. */
export type AggregateReads = Pick<EventStore, 'load' | 'getStream' | 'loadAggregate'>;

/** Reads aggregates: from the nearest snapshot, or from a state that somebody kept. */
export class AggregateReader {
  readonly #store: AggregateReads;
  readonly #snapshots: Snapshots;

  constructor(store: AggregateReads, snapshots: Snapshots) {
    this.#store = store;
    this.#snapshots = snapshots;
  }

  /** The aggregate as it is now; also one that does not exist, and one that is deleted. */
  async now<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    options: ReadOptions = {},
  ): Promise<ReadAggregate<State>> {
    return (
      (await this.#atOnce(aggregate, stream, options)) ??
      this.#from(aggregate, stream, await this.#nearest(aggregate, stream, options), options)
    );
  }

  /** The aggregate as it is now, of which somebody has kept a former state. */
  async since<State>(
    aggregate: Aggregate<State>,
    kept: ReadAggregate<State>,
    options: ReadOptions = {},
  ): Promise<ReadAggregate<State>> {
    const { stream, version } = kept;
    // Without events, or deleted: whatever comes is the beginning.
    if (version === 0n || kept.deleted) return this.now(aggregate, stream, options);
    const base = { ...kept, state: aggregate.copy(kept.state) };
    const filter = { versions: { first: version } };
    const read = await this.#fold(aggregate, stream, base, filter, options).catch((error: unknown) => {
      if (error instanceof StreamDeletedError) return 'ABSENT' as const;
      throw error;
    });
    // A gap: it was created anew, or what was in between is gone. An erasure: what was kept may hold what is gone.
    return read === 'ABSENT' || read.gap || read.erased
      ? this.now(aggregate, stream, options)
      : read.aggregate;
  }

  /** The aggregate as it is now, where the store gives it in one go; `undefined` where it is to be read piece by piece. */
  async #atOnce<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    options: ReadOptions,
  ): Promise<ReadAggregate<State> | undefined> {
    const { includeDeleted, minPosition, signal } = options;
    if (this.#store.loadAggregate === undefined || includeDeleted || minPosition) return undefined;
    const { snapshots } = aggregate;
    const loaded = await this.#store.loadAggregate(
      stream,
      snapshots === undefined ? 'NONE' : { schemaVersion: snapshots.schemaVersion },
      signal ? { signal } : {},
    );
    const { deleted, events, more, readTo, snapshot, version } = loaded;
    if (deleted || version === 0n) return absent(aggregate, stream, { deleted, version });
    const kept = snapshot && this.#snapshots.decoded(aggregate, stream, snapshot);
    const base = kept ? { ...kept, snapshotVersion: kept.version } : beginning(aggregate);
    const folding = new Folding(aggregate, base);
    // Behind a snapshot that cannot be read there is only the rest.
    if (snapshot === undefined || kept !== undefined) for (const event of events) folding.add(event);
    else return this.#from(aggregate, stream, base, options);
    // An erasure that is under way: the snapshot may hold what is gone.
    if (folding.erased) return this.#from(aggregate, stream, beginning(aggregate), options);
    const read = readOf(stream, folding, readTo);
    if (!more) return { ...read, version };
    return events.length > 0 ? this.since(aggregate, read, options) : undefined;
  }

  /**
   * The aggregate as it was. Throws `InvalidRequestError` for a version above its own or no longer shown, and
   * `StreamNotFoundError` if it did not exist then.
   */
  async at<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    at: At,
    options: ReadOptions = {},
  ): Promise<ReadAggregate<State>> {
    const last = 'version' in at ? at.version : await this.#versionAt(stream, at, options);
    if (last < 1n) throw refusedVersion(last, 'it must be at least 1');
    const base = await this.#nearest(aggregate, stream, options, last);
    const read = await this.#from(aggregate, stream, base, options, last);
    if (read.deleted && options.includeDeleted !== true) throw new StreamDeletedError(stream);
    if (read.version === last) return read;
    const { version, firstVersion } = await this.#store.getStream(stream, options);
    throw last > version
      ? refusedVersion(last, `the aggregate is at version ${version}`)
      : refusedVersion(last, `what is shown of the aggregate begins at version ${firstVersion}`);
  }

  /** The version of its last event at that position or time. */
  async #versionAt(
    stream: StreamId,
    at: Exclude<At, { version: bigint }>,
    options: ReadOptions,
  ): Promise<bigint> {
    const filter: Filter =
      'position' in at ? { positions: { last: at.position } } : { recorded: { last: at.time } };
    const { includeDeleted = false } = options;
    for await (const page of this.#store.load(
      {
        scope: { kind: 'STREAM', stream },
        filters: [filter],
        direction: 'BACKWARDS',
        limit: 1n,
        includeDeleted,
        ...(options.minPosition ? { minPosition: options.minPosition } : {}),
      },
      options,
    ))
      for (const event of page.events) return event.version;
    throw new StreamNotFoundError(stream);
  }

  async #nearest<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    { signal, includeDeleted }: ReadOptions,
    upToVersion?: bigint,
  ): Promise<FoldBase<State>> {
    // With what deletion hides, a snapshot may be from another life of the aggregate than the version that is asked for.
    const snapshot = includeDeleted
      ? undefined
      : await this.#snapshots.nearest(aggregate, stream, { upToVersion, signal });
    return snapshot === undefined ? beginning(aggregate) : { ...snapshot, snapshotVersion: snapshot.version };
  }

  async #from<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    base: FoldBase<State>,
    options: ReadOptions,
    last?: bigint,
  ): Promise<ReadAggregate<State>> {
    const versions = {
      ...(base.version > 0n ? { first: base.version } : {}),
      ...(last === undefined ? {} : { last }),
    };
    const filter = Object.keys(versions).length === 0 ? undefined : { versions };
    let read: Folded<State> | 'ABSENT';
    try {
      read = await this.#fold(aggregate, stream, base, filter, options);
    } catch (error) {
      if (error instanceof StreamDeletedError) return this.#absent(aggregate, stream, true);
      throw error;
    }
    if (read === 'ABSENT') return this.#absent(aggregate, stream, false);
    // Erased while the snapshot was on its way: it may hold what is gone.
    if (read.erased && base.version > 0n) {
      return this.#from(aggregate, stream, beginning(aggregate), options, last);
    }
    if (read.any || last !== undefined) return read.aggregate;
    // Nothing is shown, the snapshot's own event neither: all has expired. Its version goes on all the same.
    const { version } = await this.#store.getStream(stream, options);
    return { ...read.aggregate, version };
  }

  async #absent<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    deleted: boolean,
  ): Promise<ReadAggregate<State>> {
    const version = deleted ? (await this.#store.getStream(stream)).version : 0n;
    return absent(aggregate, stream, { version, deleted });
  }

  /** Folds what the stream shows on a base whose own event is read again, which tells whether they belong together. */
  async #fold<State>(
    aggregate: Aggregate<State>,
    stream: StreamId,
    base: FoldBase<State>,
    filter: Filter | undefined,
    options: ReadOptions,
  ): Promise<Folded<State> | 'ABSENT'> {
    const folding = new Folding(aggregate, base);
    let readTo: LogPosition | undefined;
    const request = {
      scope: { kind: 'STREAM', stream },
      ...(filter ? { filters: [filter] } : {}),
      ...(options.includeDeleted ? { includeDeleted: true } : {}),
      ...(options.minPosition ? { minPosition: options.minPosition } : {}),
    } as const;
    try {
      for await (const page of this.#store.load(request, options)) {
        readTo = { position: page.scannedTo, epoch: page.epoch };
        for (const event of page.events) folding.add(event);
      }
    } catch (error) {
      if (error instanceof StreamNotFoundError) return 'ABSENT';
      throw error;
    }
    const { any, erased } = folding;
    const gap = folding.gap || (!any && base.version > 0n);
    return { aggregate: readOf(stream, folding, readTo), any, gap, erased };
  }
}

interface Folded<State> extends Pick<Folding<State>, 'any' | 'erased' | 'gap'> {
  readonly aggregate: ReadAggregate<State>;
}

function readOf<State>(
  stream: StreamId,
  { bytes, deleted, snapshotVersion, state, version }: Folding<State>,
  readTo: LogPosition | undefined,
): ReadAggregate<State> {
  return { stream, version, deleted, state, snapshotVersion, bytes, readTo };
}

/** One without events, or deleted. */
function absent<State>(
  aggregate: Aggregate<State>,
  stream: StreamId,
  presence: Presence,
): ReadAggregate<State> {
  const state = aggregate.initial();
  return { stream, ...presence, state, snapshotVersion: 0n, bytes: 0, readTo: undefined };
}

function refusedVersion(version: bigint, why: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'version', description: `is ${version}, ${why}` }]);
}
