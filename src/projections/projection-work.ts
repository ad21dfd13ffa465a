import type { Event } from '../core/event.js';
import type { ProjectionKind, ProjectionLease } from '../core/projections.js';
import type { EventSelection } from '../core/selection.js';
import type { LogPosition, SubscribeStart } from '../core/subscribe.js';

/** Some events in position order, and how far the log was scanned for them. */
export interface Batch {
  /** May be empty: then only the position moves on. */
  readonly events: readonly Event[];
  /** What is finished when the batch is. */
  readonly upTo: LogPosition;
  /** The position that was finished before it. */
  readonly after: bigint;
}

/**
 * What a projection does, whatever kind it is; the runner does the rest: leases, following the log, failures, orders, the
 * swap of generations.
 */
export interface ProjectionWork {
  readonly name: string;
  readonly kind: ProjectionKind;
  /** A higher one is built beside the one that is live. At least 1. */
  readonly definitionVersion: number;
  readonly selection: EventSelection;
  /** Where a generation begins. @default before the first event */
  readonly start?: SubscribeStart;
  /** What its own database says is live; asked before each acquisition. @default the service knows */
  readonly liveGeneration?: (signal: AbortSignal) => Promise<bigint | undefined>;
  /** Makes ready what a generation needs, such as its tables. May be called again after a crash at any point. */
  open(lease: ProjectionLease, signal: AbortSignal): Promise<GenerationWork>;
}

/** The work on one generation, under one lease. */
export interface GenerationWork {
  /** Where it stands now, looked at again after a failure; `undefined`: nothing was done yet, so it begins at `start`. */
  readonly position: LogPosition | undefined;
  /**
   * Handles the events in order and keeps the position, all or nothing, unless a higher fence was seen: then it throws
   * `LeaseLostError`. What an event's handler throws it throws as {@link HandlerError}. Called by one caller at a time.
   */
  handle(batch: Batch, signal: AbortSignal): Promise<void>;
  /** Throws away all that was done; `deleteEmitted`: also the streams to which it emitted. */
  reset(
    how: { readonly resetNumber: bigint; readonly deleteEmitted: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /** Deletes all that it has of its own. */
  delete(how: { readonly deleteEmitted: boolean }, signal: AbortSignal): Promise<void>;
  /** What differs between this generation, which stands where the live one stands, and the live one; empty: nothing. */
  compare?(signal: AbortSignal): Promise<string>;
  /**
   * Takes the live generation's place, in one transaction. Without it the runner has the service do so.
   *
   * @param catchUp handles what is between here and that position, if the live one is ahead and is kept from going on
   * meanwhile; false if that takes too long
   * @returns false if the live one is ahead, so that this one must go on first
   */
  promote?(signal: AbortSignal, catchUp: (to: bigint) => Promise<boolean>): Promise<boolean>;
  /** Called every second or so, for what has to be done although no event comes: deadlines, retries. */
  tick?(signal: AbortSignal): Promise<void>;
  /** Something was asked for about failed aggregates. */
  aggregatesChanged?(signal: AbortSignal): Promise<void>;
  /** Frees what it holds. */
  close(): Promise<void>;
}

/** An event's handler has failed. */
export class HandlerError extends Error {
  override readonly name = 'HandlerError';
  constructor(
    readonly event: Event,
    cause: unknown,
  ) {
    super(
      `Handling event ${event.eventType} at position ${event.position} failed: ` +
        (cause instanceof Error ? cause.message : String(cause)),
      { cause },
    );
  }
}

/** What becomes of an event whose handler has failed. */
export type FailureDecision =
  /** The projection stays in front of it until it is resumed or reset. */
  | { readonly kind: 'FAIL' }
  /** It is tried again; without a number after a back-off that doubles from 100 ms to a minute. */
  | { readonly kind: 'RETRY'; readonly afterMs?: number }
  /** It is left out, and the position moves on. */
  | { readonly kind: 'IGNORE' };

/** Decides about an event whose handler has failed. `attempt` is 1 the first time. */
export type OnHandlerFailure = (
  error: unknown,
  event: Event,
  attempt: number,
) => FailureDecision | Promise<FailureDecision>;
