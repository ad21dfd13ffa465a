import type { ProjectionOrders, ProjectionStatus } from './projections.js';

/** How a projection is doing: what is wanted of it comes before what it does. */
export function projectionStatus({
  wish,
  failed,
  leased,
}: {
  readonly wish: ProjectionOrders['wish'];
  /** Its live generation stands still because of a failure. */
  readonly failed: boolean;
  /** The lease of its live generation lasts. */
  readonly leased: boolean;
}): ProjectionStatus {
  if (wish === 'DELETE') return 'DELETING';
  if (wish === 'STOP') return 'STOPPED';
  if (wish === 'PAUSE') return 'PAUSED';
  if (failed) return 'FAILED';
  return leased ? 'RUNNING' : 'WAITING';
}
