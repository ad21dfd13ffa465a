import type { CallOptions } from '../core/call-options.js';
import type { EventLog } from '../core/event-store.js';
import type { Logger } from '../core/logger.js';
import type { ProjectionFailure, ProjectionLeases } from '../core/projections.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import type { OnHandlerFailure } from './projection-work.js';
import type { ProjectionMetrics } from './runner-metrics.js';
import type { GenerationState } from './runner-states.js';

/** What a runner works with. */
export interface RunnerParts {
  readonly eventStore: EventLog;
  readonly projections: ProjectionLeases;
  readonly runtime: Runtime;
}

export interface RunProjectionOptions {
  /**
   * Who it is, for people; at most 255 bytes.
   * @default host and process, as the runtime tells them
   */
  readonly runner?: string;
  /**
   * What becomes of an event whose handler has failed.
   * @default it fails: the projection stays in front of the event until it is resumed or reset
   */
  readonly onFailure?: OnHandlerFailure;
  /**
   * At most so many events are handled at a time, in one transaction where the projection has one.
   * @default 500
   */
  readonly batchEvents?: number;
  /**
   * Milliseconds after which a runner that stands by asks again; spread by a quarter.
   * @default 1000
   */
  readonly pollMs?: number;
  /**
   * Milliseconds that `stop` leaves to a batch under way before it is aborted.
   * @default 10000
   */
  readonly stopTimeoutMs?: number;
  /** Called every second or so while something moves. */
  readonly onMetrics?: (metrics: ProjectionMetrics & { readonly generation: bigint }) => void;
  /** @default the runtime's: with `systemRuntime`, warnings and errors on standard error */
  readonly logger?: Logger;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/** What a runner does at the moment. */
export interface RunnerStatus {
  /** `STANDBY`: another runner works on it. `STOPPED`: that was ordered; it goes on when it is resumed. */
  readonly state: 'STARTING' | 'STANDBY' | 'WORKING' | 'STOPPED' | 'ENDED';
  readonly generations: readonly GenerationStatus[];
  /** Why the service cannot be asked, while it cannot. */
  readonly trouble: string | undefined;
}

export interface GenerationStatus {
  readonly generation: bigint;
  readonly live: boolean;
  readonly state: GenerationState;
  /** `undefined`: before its beginning. */
  readonly position: LogPosition | undefined;
  readonly failure: ProjectionFailure | undefined;
}

/** A projection that is run by this process, or that this process stands by to run. */
export interface RunningProjection {
  /** Resolves when it works or stands by; rejects with what ended it before. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended: stopped by its process, deleted, or with a failure that asking again cannot mend. */
  readonly ended: Promise<{ readonly failure?: Error }>;
  /** Finishes the batch under way, gives the leases back and ends. May be called twice. */
  stop(): Promise<void>;
  status(): RunnerStatus;
  /** Of the live generation, if it is here, else of the one that is built. */
  metrics(): ProjectionMetrics | undefined;
  /**
   * Resolves with where the live generation is as soon as it has come to a position, wherever it runs. Fails with
   * `PositionNotReachedError` after 5 seconds, or as long as the options say.
   */
  waitFor(position: bigint | LogPosition, options?: CallOptions): Promise<LogPosition>;
}
