import { ProjectionConflictError } from '../core/follower-errors.js';
import type { ProjectionKind } from '../core/projections.js';

/** Where a state is asked for under a name that has none of this kind, which would look like an empty one. */
export function ofAnotherKind(name: string, kind: ProjectionKind): ProjectionConflictError {
  return new ProjectionConflictError(
    name,
    `Projection ${name} is of the kind ${kind}, and has no such state`,
  );
}
