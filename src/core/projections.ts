import type { CallOptions } from './call-options.js';
import type { PageRequest } from './consumer-groups.js';
import type { Microseconds } from './event.js';
import type { StreamId } from './stream.js';
import type { LogPosition } from './subscribe.js';

/**
 * What kind of follower a projection is: a state kept beside the log, tables of its own, a state per aggregate, an answerer
 * of events, or what hands events on to a broker.
 */
export type ProjectionKind = 'STATE' | 'READ_MODEL' | 'AGGREGATES' | 'REACTOR' | 'RELAY';

export type ProjectionStatus =
  /** A runner works on it. */
  | 'RUNNING'
  /** It is to be run, and no runner is there. */
  | 'WAITING'
  /** A runner may stand by, and does nothing. */
  | 'PAUSED'
  /** Runners leave it. */
  | 'STOPPED'
  /** It stays in front of an event that could not be handled, until it is resumed or reset. */
  | 'FAILED'
  /** It is deleted as soon as a runner has deleted its tables. */
  | 'DELETING';

/** An event that could not be handled. */
export interface ProjectionFailure {
  readonly position: bigint;
  /** With empty names if it is about no event: the log has lost its tail, tables cannot be made. */
  readonly stream: StreamId;
  /** What was thrown, for people; longer than 4 KiB is cut. */
  readonly error: string;
  readonly attempts: number;
  readonly failedAt: Microseconds;
  /** `undefined`: not by itself. */
  readonly retryAt: Microseconds | undefined;
}

/** One run of a projection over the log, from its beginning. */
export interface ProjectionGeneration {
  /** 1 for the first; each rebuild has the next. */
  readonly generation: bigint;
  readonly definitionVersion: number;
  /** All up to here is in it. */
  readonly position: LogPosition;
  /** Positions between that and the end of the log. */
  readonly lag: bigint;
  /** Who works on it; empty if nobody does. */
  readonly runner: string;
  readonly fence: bigint;
  readonly leasedUntil: Microseconds | undefined;
  readonly failure: ProjectionFailure | undefined;
  readonly reportedAt: Microseconds | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  /** Of one that waits to be swapped in: what differs from the live one; empty: nothing, or not compared. */
  readonly comparison: string;
}

export interface Projection {
  readonly name: string;
  readonly kind: ProjectionKind;
  readonly status: ProjectionStatus;
  /** What readers see. */
  readonly live: ProjectionGeneration;
  /** What is built beside it. */
  readonly building: ProjectionGeneration | undefined;
  /** The last position of the log. */
  readonly head: bigint;
  readonly createdAt: Microseconds;
  readonly failedAggregates: bigint;
}

export interface ProjectionList {
  readonly projections: readonly Projection[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

export interface FailedAggregates {
  readonly failures: readonly ProjectionFailure[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

/** What is known about projections, and what is to be done with them. All but `list` fail with `ProjectionNotFoundError`. */
export interface ProjectionControl {
  list(request?: PageRequest, options?: CallOptions): Promise<ProjectionList>;
  get(name: string, options?: CallOptions): Promise<Projection>;
  pause(name: string, options?: CallOptions): Promise<Projection>;
  /** After a pause, a stop, or a failure, whose event is tried again. */
  resume(name: string, options?: CallOptions): Promise<Projection>;
  stop(name: string, options?: CallOptions): Promise<Projection>;
  /** The live generation begins anew where it stands. */
  reset(
    request: { readonly name: string; readonly deleteEmitted?: boolean },
    options?: CallOptions,
  ): Promise<Projection>;
  /** The next generation is built beside it. Fails with `ProjectionConflictError` if one is being built. */
  rebuild(
    request: { readonly name: string; readonly waitWithSwap?: boolean },
    options?: CallOptions,
  ): Promise<Projection>;
  /** Swaps in what waits for it, or throws it away. Fails with `ProjectionConflictError` if nothing is being built. */
  finishRebuild(
    request: { readonly name: string; readonly discard?: boolean },
    options?: CallOptions,
  ): Promise<Projection>;
  /** Gives whether it is gone already; else a runner deletes its tables, or what it emitted, first. */
  delete(
    request: { readonly name: string; readonly forget?: boolean; readonly deleteEmitted?: boolean },
    options?: CallOptions,
  ): Promise<boolean>;
  /** Resolves with where the live generation is. Fails with `PositionNotReachedError` shortly before the time is over. */
  waitFor(name: string, minPosition: LogPosition, options?: CallOptions): Promise<LogPosition>;
  /** By position. */
  listFailedAggregates(
    request: PageRequest & { readonly name: string },
    options?: CallOptions,
  ): Promise<FailedAggregates>;
  /** Gives how many are tried again. */
  retryAggregates(
    request: { readonly name: string; readonly stream?: StreamId; readonly reset?: boolean },
    options?: CallOptions,
  ): Promise<bigint>;
}

export interface AcquireRequest {
  readonly name: string;
  readonly kind: ProjectionKind;
  /** At least 1. */
  readonly definitionVersion: number;
  /** Who it is, for people: host and process. */
  readonly runner: string;
  /** Unique for each start of a runner, which so has its leases back when an answer was lost. */
  readonly runnerId: string;
  /** What the projection's own database says is live. @default unknown */
  readonly liveGeneration?: bigint;
}

/** The right to work on a generation, until it runs out. */
export interface ProjectionLease {
  readonly name: string;
  readonly generation: bigint;
  /** Else it is being built. */
  readonly live: boolean;
  /** Higher than that of any lease of this generation before. */
  readonly fence: bigint;
  /** As last saved or reported. */
  readonly position: LogPosition;
}

export interface Acquired {
  /** None if others have them, or it is stopped. */
  readonly leases: readonly ProjectionLease[];
  readonly leaseMs: number;
  readonly stopped: boolean;
}

/** What a runner says about a generation. */
export interface ProjectionReport {
  /** Of a projection whose state the service keeps (STATE, AGGREGATES) it moves nothing: only a save does. */
  readonly position?: LogPosition;
  readonly failure?: ProjectionFailure | undefined;
  /** It stands still because of the failure. */
  readonly failed?: boolean;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly comparison?: string;
  /** The number of the last reset that was carried out. */
  readonly resetDone?: bigint;
}

/** What a runner is to do. */
export interface ProjectionOrders {
  readonly wish: 'RUN' | 'PAUSE' | 'STOP' | 'DELETE';
  /** The number of the reset that is outstanding, 0 if none is. Begin anew unless it was carried out meanwhile. */
  readonly resetWanted: bigint;
  /** How often it was resumed: what stands still because of a failure tries again when this has grown. */
  readonly resumed: bigint;
  readonly deleteEmitted: boolean;
  /** Of one being built: it is to be swapped in as soon as it has caught up. */
  readonly swap: boolean;
  /** Something was asked for about failed aggregates since the last report. */
  readonly aggregatesChanged: boolean;
  /** Leases of other generations may be had. */
  readonly acquire: boolean;
}

/** How far one aggregate has come. */
export interface AggregateProgress {
  readonly stream: StreamId;
  /** Of the last event that is in its state; 0: none. */
  readonly version: bigint;
  readonly state: Uint8Array;
  /** Why it stands still, if it does. */
  readonly failure: ProjectionFailure | undefined;
}

/** What is kept of a generation; at most 4 MiB, and at most 1,000 aggregates at a time. */
export interface ProjectionSave {
  readonly position: LogPosition;
  /** @default as it was */
  readonly state?: Uint8Array;
  /** @default "application/json" */
  readonly contentType?: string;
  readonly aggregates?: readonly AggregateProgress[];
  /** The number of the reset that this carries out: all that was kept is thrown away first. */
  readonly resetDone?: bigint;
}

export interface LoadProjectionRequest {
  readonly name: string;
  /** @default the live one */
  readonly generation?: bigint;
  /** Which aggregates; at most 1,000. */
  readonly streams?: readonly StreamId[];
  /** Those that have failed and are to be tried again now; at most 1,000. */
  readonly due?: boolean;
  /** The live generation must have come this far; waits as `waitFor` does. */
  readonly minPosition?: LogPosition;
}

export interface SavedProjection {
  readonly kind: ProjectionKind;
  readonly generation: bigint;
  readonly position: LogPosition;
  /** Empty if none was saved. */
  readonly state: Uint8Array;
  readonly contentType: string;
  readonly aggregates: readonly AggregateProgress[];
}

/**
 * By which one runner at a time works on a generation: leases by the database's clock, with fencing numbers. What needs a
 * lease fails with `LeaseLostError` once another has it.
 */
export interface ProjectionLeases {
  /**
   * Takes what is free. Fails with `ProjectionConflictError` (it is of another kind) and `ProjectionSupersededError` (the
   * live generation is of a later version of the rule).
   */
  acquire(request: AcquireRequest, options?: CallOptions): Promise<Acquired>;
  /** Renews. */
  report(
    lease: Pick<ProjectionLease, 'name' | 'generation' | 'fence'>,
    report: ProjectionReport,
    options?: CallOptions,
  ): Promise<ProjectionOrders>;
  /** Keeps position and state, and renews. Fails with `InvalidRequestError` if the position goes back without a reset. */
  save(
    lease: Pick<ProjectionLease, 'name' | 'generation' | 'fence'>,
    save: ProjectionSave,
    options?: CallOptions,
  ): Promise<void>;
  /** What was saved last. Fails with `ProjectionNotFoundError`. */
  load(request: LoadProjectionRequest, options?: CallOptions): Promise<SavedProjection>;
  /**
   * The generation that was built is the live one now; the one before is gone. Unless the projection has tables of its own,
   * fails with `ProjectionConflictError` where it is behind the live one: go on first, so that no reader sees it go back.
   */
  promote(
    lease: Pick<ProjectionLease, 'name' | 'generation' | 'fence'>,
    options?: CallOptions,
  ): Promise<void>;
  /** Gives it back; does nothing if it was lost. */
  release(
    lease: Pick<ProjectionLease, 'name' | 'generation' | 'fence'>,
    how?: { readonly deleted?: boolean },
    options?: CallOptions,
  ): Promise<void>;
}

/** Both sides: for operators, and for runners. Implemented on Postgres, in memory, and over gRPC. */
export interface Projections extends ProjectionControl, ProjectionLeases {}
