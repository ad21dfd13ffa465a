import { ProjectionConflictError, ProjectionSupersededError } from '../../core/follower-errors.js';
import type { Acquired, AcquireRequest } from '../../core/projections.js';
import { quotedSchema } from '../schema.js';
import { storedPosition } from '../stored-position.js';
import type { ProjectionsPlace } from './place.js';

/** Takes the leases that are free. Throws what the port says. */
export async function acquireProjection(
  { database, leaseMs, schema, signal }: ProjectionsPlace,
  { name, kind, definitionVersion, runner, runnerId, liveGeneration = 0n }: AcquireRequest,
): Promise<Acquired> {
  const [row] = await database.query(
    'append',
    `SELECT verdict, fact, leases FROM ${quotedSchema(schema)}.acquire_projection($1, $2, $3, $4, $5, $6, $7)`,
    [name, kind, definitionVersion, runner, runnerId, String(liveGeneration), leaseMs],
    { signal },
  );
  const [verdict, fact, leases] = row ?? [];
  if (verdict === 'K') throw new ProjectionConflictError(name, `Projection ${name} is of the kind ${fact}`);
  if (verdict === 'V') throw new ProjectionSupersededError(name, Number(fact));
  return {
    leases: (JSON.parse(leases ?? '[]') as LeaseRow[]).map(([generation, live, fence, position, epoch]) => ({
      name,
      generation: BigInt(generation),
      live,
      fence: BigInt(fence),
      position: storedPosition(position, epoch),
    })),
    leaseMs,
    stopped: verdict === 'S',
  };
}

type LeaseRow = readonly [generation: string, live: boolean, fence: string, position: string, epoch: string];
