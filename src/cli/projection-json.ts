import type { Projection, ProjectionFailure, ProjectionGeneration } from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';
import { nameOf } from './stream-argument.js';
import { isoTime } from './time.js';

/** A projection, as `projection` prints it. Numbers that may be large are strings. */
export function projectionToJson(projection: Projection): Record<string, unknown> {
  const { building, createdAt, failedAggregates, head, kind, live, name, status } = projection;
  return {
    name,
    kind,
    status,
    head: String(head),
    live: generationToJson(live),
    ...(building && { building: generationToJson(building) }),
    failed_aggregates: String(failedAggregates),
    created_at: isoTime(createdAt),
  };
}

export function failureToJson(failure: ProjectionFailure): Record<string, unknown> {
  return {
    position: String(failure.position),
    // Without it, it is about no event.
    ...(failure.stream.aggregateType !== '' && {
      stream: {
        aggregate_type: failure.stream.aggregateType,
        aggregate_id: failure.stream.aggregateId,
      },
    }),
    error: failure.error,
    attempts: failure.attempts,
    failed_at: isoTime(failure.failedAt),
    ...(failure.retryAt !== undefined && { retry_at: isoTime(failure.retryAt) }),
  };
}

export function positionToJson({ position, epoch }: LogPosition): Record<string, unknown> {
  return { position: String(position), ...(epoch !== undefined && { epoch: String(epoch) }) };
}

/** What went wrong, in a line for people. */
export function describeFailure({ attempts, error, position, retryAt, stream }: ProjectionFailure): string {
  const where = stream.aggregateType === '' ? '' : `at ${position} of ${nameOf(stream)}, `;
  const again = retryAt === undefined ? '' : `, again at ${isoTime(retryAt)}`;
  return `${error} (${where}${attempts === 1 ? 'tried once' : `tried ${attempts} times`}${again})`;
}

function generationToJson(generation: ProjectionGeneration): Record<string, unknown> {
  const { comparison, definitionVersion, failure, fence, lag, leasedUntil, metrics, reportedAt, runner } =
    generation;
  return {
    generation: String(generation.generation),
    definition_version: definitionVersion,
    ...positionToJson(generation.position),
    lag: String(lag),
    ...(runner !== '' && { runner }),
    fence: String(fence),
    ...(leasedUntil !== undefined && { leased_until: isoTime(leasedUntil) }),
    ...(failure && { failure: failureToJson(failure) }),
    ...(reportedAt !== undefined && { reported_at: isoTime(reportedAt) }),
    metrics,
    ...(comparison !== '' && { comparison }),
  };
}
