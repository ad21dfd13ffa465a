import { ProjectionNotFoundError } from '../../core/follower-errors.js';
import { DEFAULT_LIST_PAGE } from '../../core/limits.js';
import { lastKeyOf, pageToken } from '../../core/page-token.js';
import type { FailedAggregates } from '../../core/projections.js';
import type { PageRequest } from '../../core/consumer-groups.js';
import type { StreamId } from '../../core/stream.js';
import { failedBehind } from '../../core/validate-projection.js';
import { quotedSchema } from '../schema.js';
import { failureFromStored, type StoredFailure } from './failure-json.js';
import { projectionPosition } from './load-projection.js';
import type { ProjectionsPlace } from './place.js';

/** A page of the live generation's failures, by position. An event is of one aggregate, so its position tells them apart. */
export async function listFailedAggregates(
  place: ProjectionsPlace,
  request: PageRequest & { readonly name: string },
): Promise<FailedAggregates> {
  const { name, pageSize: size = DEFAULT_LIST_PAGE, pageToken: token } = request;
  const asked = ['failed-aggregates', name];
  const last = failedBehind(lastKeyOf(token, asked, 1)?.[0]);
  const quoted = quotedSchema(place.schema);
  const rows = await place.database.query(
    'read',
    `SELECT a.failure FROM ${quoted}.projection_generations g
       JOIN ${quoted}.projection_aggregates a ON a.name = g.name AND a.generation = g.generation
      WHERE g.name = $1 AND g.live AND a.failed_position > $2 ORDER BY a.failed_position LIMIT $3`,
    [name, String(last), size + 1],
    { signal: place.signal },
  );
  // Nothing found may be nothing there.
  if (rows.length === 0) await projectionPosition(place, name);
  const failures = rows
    .slice(0, size)
    .map(([failure]) => failureFromStored(JSON.parse(failure ?? '') as StoredFailure));
  const end = failures.at(-1);
  const more = rows.length > size && end !== undefined;
  return { failures, nextPageToken: more ? pageToken(asked, [String(end.position)]) : undefined };
}

/** Has failed aggregates tried again; gives how many. Throws `ProjectionNotFoundError`. */
export async function retryAggregates(
  { database, schema, signal }: ProjectionsPlace,
  request: { readonly name: string; readonly stream?: StreamId; readonly reset?: boolean },
): Promise<bigint> {
  const { name, reset = false, stream } = request;
  const [row] = await database.query(
    'append',
    `SELECT ${quotedSchema(schema)}.retry_aggregates($1, $2, $3, $4)`,
    [name, stream?.aggregateType ?? null, stream?.aggregateId ?? null, reset],
    { signal },
  );
  const count = row?.[0];
  if (count === null || count === undefined) throw new ProjectionNotFoundError(name);
  return BigInt(count);
}
