import type { Microseconds } from '../core/event.js';
import { ProjectionConflictError, ProjectionSupersededError } from '../core/follower-errors.js';
import type { Acquired, AcquireRequest } from '../core/projections.js';
import {
  becomeLive,
  type GenerationRecord,
  isLeased,
  leaseOf,
  newGeneration,
  type ProjectionRecord,
} from './projection-records.js';

/** By what leases are given. */
export interface Leasing {
  readonly now: Microseconds;
  readonly leaseMs: number;
  /** A number for a new holder. */
  readonly higher: (fence: bigint) => bigint;
}

/** Takes what is free of what the runner can work on. Throws what the port says. */
export function acquire(
  projections: Map<string, ProjectionRecord>,
  request: AcquireRequest,
  leasing: Leasing,
): Acquired {
  const { name, kind, definitionVersion } = request;
  const record = projections.get(name) ?? created(request, leasing.now);
  if (record.kind !== kind)
    throw new ProjectionConflictError(name, `Projection ${name} is of the kind ${record.kind}`);
  adopt(record, request);
  if (record.wish !== 'DELETE' && definitionVersion < record.live.definitionVersion)
    throw new ProjectionSupersededError(name, record.live.definitionVersion);
  projections.set(name, record);
  const { leaseMs } = leasing;
  if (record.wish === 'STOP') return { leases: [], leaseMs, stopped: true };
  const leases = forVersion(record, definitionVersion)
    .filter((generation) => taken(generation, request, leasing))
    .map((generation) => leaseOf(record, generation));
  return { leases, leaseMs, stopped: false };
}

function created({ name, kind, definitionVersion, liveGeneration }: AcquireRequest, now: Microseconds) {
  const first = liveGeneration || 1n;
  return {
    name,
    kind,
    createdAt: now,
    wish: 'RUN' as const,
    resetWanted: 0n,
    resumed: 0n,
    deleteEmitted: false,
    lastGeneration: first,
    live: newGeneration(first, definitionVersion, false),
    building: undefined,
  };
}

/** What the runner's own database says is live is so: there it was swapped in, and the answer to us was lost. */
function adopt(record: ProjectionRecord, { liveGeneration = 0n, definitionVersion }: AcquireRequest): void {
  if (record.kind !== 'READ_MODEL' || liveGeneration <= record.live.generation) return;
  if (record.building?.generation === liveGeneration) return becomeLive(record, record.building);
  becomeLive(record, newGeneration(liveGeneration, definitionVersion, false));
  if (liveGeneration > record.lastGeneration) record.lastGeneration = liveGeneration;
}

/** The generations that a runner of this version can work on; a higher version has the next one begun. */
function forVersion(record: ProjectionRecord, version: number): readonly GenerationRecord[] {
  const { live, building } = record;
  const both = building ? [live, building] : [live];
  // Whoever is there deletes.
  if (record.wish === 'DELETE') return both;
  if (version === live.definitionVersion)
    return both.filter(({ definitionVersion }) => definitionVersion === version);
  if (building && building.definitionVersion > version) return [];
  if (building && building.definitionVersion === version) return [building];
  record.lastGeneration += 1n;
  record.building = newGeneration(record.lastGeneration, version, true);
  return [record.building];
}

/** Gives the lease to the runner, if it is free or was theirs already. */
function taken(
  generation: GenerationRecord,
  { runner, runnerId }: AcquireRequest,
  { now, leaseMs, higher }: Leasing,
): boolean {
  const again = isLeased(generation, now) && generation.runnerId === runnerId;
  if (isLeased(generation, now) && !again) return false;
  if (!again) {
    generation.fence = higher(generation.fence);
    generation.metrics = {};
  }
  generation.runner = runner;
  generation.runnerId = runnerId;
  generation.leasedUntil = now + BigInt(leaseMs) * 1000n;
  return true;
}
