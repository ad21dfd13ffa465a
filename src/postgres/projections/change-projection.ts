import {
  LeaseLostError,
  ProjectionConflictError,
  ProjectionNotFoundError,
} from '../../core/follower-errors.js';
import { quotedSchema } from '../schema.js';
import type { LeaseName, ProjectionsPlace } from './place.js';

/** What operators want; `flag` is what `change_projection` says of each. */
export type ProjectionChange = 'PAUSE' | 'RESUME' | 'STOP' | 'RESET' | 'REBUILD' | 'SWAP' | 'DISCARD';

/** Keeps what is wanted. Throws what the port says. */
export async function changeProjection(
  { database, schema, signal }: ProjectionsPlace,
  {
    name,
    change,
    flag = false,
  }: { readonly name: string; readonly change: ProjectionChange; readonly flag?: boolean },
): Promise<void> {
  const [row] = await database.query(
    'append',
    `SELECT ${quotedSchema(schema)}.change_projection($1, $2, $3)`,
    [name, change, flag],
    { signal },
  );
  const verdict = row?.[0];
  if (verdict === 'N') throw new ProjectionNotFoundError(name);
  if (verdict === 'D') throw new ProjectionConflictError(name, `Projection ${name} is being deleted`);
  if (verdict === 'B')
    throw new ProjectionConflictError(
      name,
      change === 'REBUILD'
        ? `A generation of projection ${name} is being built already`
        : `No generation of projection ${name} is being built`,
    );
}

/** Gives whether it is gone already. Throws `ProjectionNotFoundError`. */
export async function deleteProjection(
  { database, schema, signal }: ProjectionsPlace,
  request: { readonly name: string; readonly forget?: boolean; readonly deleteEmitted?: boolean },
): Promise<boolean> {
  const { deleteEmitted = false, forget = false, name } = request;
  const [row] = await database.query(
    'append',
    `SELECT ${quotedSchema(schema)}.delete_projection($1, $2, $3)`,
    [name, forget, deleteEmitted],
    { signal },
  );
  if (row?.[0] === 'N') throw new ProjectionNotFoundError(name);
  return row?.[0] === 'A';
}

/** The generation that was built becomes the live one. Throws what the port says. */
export async function promoteProjection(
  { database, schema, signal }: ProjectionsPlace,
  { name, generation, fence }: LeaseName,
): Promise<void> {
  const [row] = await database.query(
    'append',
    `SELECT ${quotedSchema(schema)}.promote_projection($1, $2, $3)`,
    [name, String(generation), String(fence)],
    { signal },
  );
  if (row?.[0] === 'B')
    throw new ProjectionConflictError(
      name,
      `Generation ${generation} of projection ${name} is behind the live one: go on first`,
    );
  if (row?.[0] !== 'A') throw new LeaseLostError(name, fence);
}

/** Gives a lease back. */
export async function releaseProjection(
  { database, schema, signal }: ProjectionsPlace,
  { lease, deleted }: { readonly lease: LeaseName; readonly deleted: boolean },
): Promise<void> {
  await database.query(
    'append',
    `SELECT ${quotedSchema(schema)}.release_projection($1, $2, $3, $4)`,
    [lease.name, String(lease.generation), String(lease.fence), deleted],
    { signal },
  );
}
