import { LeaseLostError } from '../../core/follower-errors.js';
import type { ProjectionSave } from '../../core/projections.js';
import { positionGoesBack, STATE_CONTENT_TYPE } from '../../core/validate-projection.js';
import { byteaArray, int8Array, jsonbArray, textArray } from '../binary-array.js';
import { quotedSchema } from '../schema.js';
import { failureToJson } from './failure-json.js';
import type { LeaseName, ProjectionsPlace } from './place.js';

/** Keeps position and states. Throws what the port says. */
export async function saveProjection(
  { database, leaseMs, schema, signal }: ProjectionsPlace,
  { lease, save }: { readonly lease: LeaseName; readonly save: ProjectionSave },
): Promise<void> {
  const { aggregates = [], contentType = STATE_CONTENT_TYPE, position, resetDone = 0n, state } = save;
  const [row] = await database.query(
    'append',
    `SELECT verdict, kept FROM ${quotedSchema(schema)}.save_projection(
       $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      lease.name,
      String(lease.generation),
      String(lease.fence),
      String(position.position),
      String(position.epoch ?? 0n),
      state === undefined ? null : Buffer.from(state),
      contentType,
      resetDone === 0n ? null : String(resetDone),
      textArray(aggregates.map(({ stream }) => stream.aggregateType)),
      textArray(aggregates.map(({ stream }) => stream.aggregateId)),
      int8Array(aggregates.map(({ version }) => version)),
      byteaArray(aggregates.map((one) => one.state)),
      jsonbArray(aggregates.map(({ failure }) => failureToJson(failure) ?? 'null')),
      leaseMs,
    ],
    { signal },
  );
  const [verdict, kept] = row ?? [];
  if (verdict === 'B') throw positionGoesBack(position.position, BigInt(kept ?? 0));
  if (verdict !== 'A') throw new LeaseLostError(lease.name, lease.fence);
}
