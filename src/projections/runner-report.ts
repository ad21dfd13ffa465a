import type { ProjectionFailure, ProjectionReport } from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';
import type { ProjectionWork } from './projection-work.js';
import { textOf } from './runner-backoff.js';
import type { ProjectionMetrics } from './runner-metrics.js';
import type { GenerationState } from './runner-states.js';

/** A failure that is about no event. */
export const NO_STREAM = { aggregateType: '', aggregateId: '' };

/** What a runner tells the service of a generation. */
export function reportOf(
  kind: ProjectionWork['kind'],
  of: {
    readonly position: LogPosition | undefined;
    readonly state: GenerationState;
    readonly failure: ProjectionFailure | undefined;
    /** Why the log cannot be read, which is told where nothing else has failed. */
    readonly trouble: unknown;
    readonly comparison: string | undefined;
    readonly resetDone: bigint;
    readonly metrics: ProjectionMetrics;
    /** In microseconds. */
    readonly now: bigint;
  },
): ProjectionReport {
  const { comparison, metrics, position, resetDone, state, trouble } = of;
  const failure = of.failure ?? (trouble === undefined ? undefined : unread(trouble, of));
  return {
    // What is kept by the service has its position from there, and an older one must not come after it.
    ...(kind === 'READ_MODEL' && position !== undefined ? { position } : {}),
    ...(failure === undefined ? {} : { failure }),
    ...(state === 'FAILED' ? { failed: true } : {}),
    ...(comparison === undefined ? {} : { comparison }),
    ...(resetDone > 0n ? { resetDone } : {}),
    metrics: { ...metrics },
  };
}

function unread(
  trouble: unknown,
  { now, position }: { readonly now: bigint; readonly position: LogPosition | undefined },
): ProjectionFailure {
  return {
    position: position?.position ?? 0n,
    stream: NO_STREAM,
    error: textOf(trouble),
    attempts: 1,
    failedAt: now,
    retryAt: undefined,
  };
}
