import { LeaseLostError } from '../../core/follower-errors.js';
import type { ProjectionOrders, ProjectionReport } from '../../core/projections.js';
import { keptText } from '../../core/validate-projection.js';
import { quotedSchema } from '../schema.js';
import { failureToJson } from './failure-json.js';
import type { LeaseName, ProjectionsPlace } from './place.js';

/** Keeps a report, renews the lease, and tells what is to be done. */
export async function reportProjection(
  { database, leaseMs, schema, signal }: ProjectionsPlace,
  { lease, report }: { readonly lease: LeaseName; readonly report: ProjectionReport },
): Promise<ProjectionOrders> {
  const { comparison = '', failed = false, failure, metrics = {}, position, resetDone = 0n } = report;
  const [row] = await database.query(
    'append',
    `SELECT verdict, wish, reset_wanted, resumed, delete_emitted, swap, aggregates_changed, acquire
       FROM ${quotedSchema(schema)}.report_projection($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      lease.name,
      String(lease.generation),
      String(lease.fence),
      position === undefined ? null : String(position.position),
      position === undefined ? null : String(position.epoch ?? 0n),
      failureToJson(failure),
      failed,
      Object.keys(metrics).length === 0 ? null : JSON.stringify(metrics),
      comparison === '' ? null : keptText(comparison),
      String(resetDone),
      leaseMs,
    ],
    { signal },
  );
  const [verdict, wish, resetWanted, resumed, deleteEmitted, swap, aggregatesChanged, acquire] = row ?? [];
  if (verdict !== 'A') throw new LeaseLostError(lease.name, lease.fence);
  return {
    wish: wish as ProjectionOrders['wish'],
    resetWanted: BigInt(resetWanted ?? 0),
    resumed: BigInt(resumed ?? 0),
    deleteEmitted: deleteEmitted === 't',
    swap: swap === 't',
    aggregatesChanged: aggregatesChanged === 't',
    acquire: acquire === 't',
  };
}
