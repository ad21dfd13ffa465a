import type { ProjectionLease } from '../../core/projections.js';
import type { Database } from '../database.js';

/** Where the statements about projections go. */
export interface ProjectionsPlace {
  readonly database: Database;
  readonly schema: string;
  /** Milliseconds that a lease lasts. */
  readonly leaseMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Whose lease it is. */
export type LeaseName = Pick<ProjectionLease, 'name' | 'generation' | 'fence'>;
