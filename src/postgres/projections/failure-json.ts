import type { ProjectionFailure } from '../../core/projections.js';
import { keptText } from '../../core/validate-projection.js';

/** A failure as JSON for the database; what Postgres compares (position, retryAt) it reads from there. */
export function failureToJson(failure: ProjectionFailure | undefined): string | null {
  if (failure === undefined) return null;
  return JSON.stringify({
    position: String(failure.position),
    type: failure.stream.aggregateType,
    id: failure.stream.aggregateId,
    error: keptText(failure.error),
    attempts: failure.attempts,
    failedAt: String(failure.failedAt),
    ...(failure.retryAt === undefined ? {} : { retryAt: String(failure.retryAt) }),
  });
}

/** A failure as it is kept. */
export interface StoredFailure {
  readonly position: string;
  readonly type: string;
  readonly id: string;
  readonly error: string;
  readonly attempts: number;
  readonly failedAt: string;
  readonly retryAt?: string;
}

export function failureFromStored(failure: StoredFailure): ProjectionFailure {
  return {
    position: BigInt(failure.position),
    stream: { aggregateType: failure.type, aggregateId: failure.id },
    error: failure.error,
    attempts: failure.attempts,
    failedAt: BigInt(failure.failedAt),
    retryAt: failure.retryAt === undefined ? undefined : BigInt(failure.retryAt),
  };
}
