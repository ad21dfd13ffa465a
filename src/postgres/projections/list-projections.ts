import { ProjectionNotFoundError } from '../../core/follower-errors.js';
import { DEFAULT_LIST_PAGE } from '../../core/limits.js';
import { lastKeyOf, pageToken } from '../../core/page-token.js';
import { projectionStatus } from '../../core/projection-status.js';
import type {
  Projection,
  ProjectionGeneration,
  ProjectionKind,
  ProjectionList,
  ProjectionOrders,
} from '../../core/projections.js';
import type { PageRequest } from '../../core/consumer-groups.js';
import type { Row } from '../database.js';
import { quotedSchema } from '../schema.js';
import { storedPosition } from '../stored-position.js';
import { microseconds } from '../stream-row.js';
import { failureFromStored, type StoredFailure } from './failure-json.js';
import type { ProjectionsPlace } from './place.js';

/** One projection. Throws `ProjectionNotFoundError`. */
export async function getProjection(
  { database, schema, signal }: ProjectionsPlace,
  name: string,
): Promise<Projection> {
  const [row] = await database.query('read', statement(schema, 'p.name = $1', '1'), [name], { signal });
  if (row === undefined) throw new ProjectionNotFoundError(name);
  return projectionFromRow(row);
}

/** A page of projections, by the bytes of their names. */
export async function listProjections(
  { database, schema, signal }: ProjectionsPlace,
  request: PageRequest,
): Promise<ProjectionList> {
  const size = request.pageSize ?? DEFAULT_LIST_PAGE;
  const [last = ''] = lastKeyOf(request.pageToken, ['projections'], 1) ?? [];
  const rows = await database.query('read', statement(schema, 'p.name > $1', '$2'), [last, size + 1], {
    signal,
  });
  const projections = rows.slice(0, size).map(projectionFromRow);
  const end = projections.at(-1);
  return {
    projections,
    nextPageToken:
      rows.length > size && end !== undefined ? pageToken(['projections'], [end.name]) : undefined,
  };
}

/** With the live generation first, and whether a lease lasts by the database's clock. */
function statement(schema: string, condition: string, limit: string): string {
  const quoted = quotedSchema(schema);
  return `
    SELECT p.name, p.kind, p.wish, ${microseconds('p.created_at')}, h.position,
           (SELECT json_agg(json_build_object(
                     'generation', g.generation::text, 'definitionVersion', g.definition_version,
                     'position', g.position::text, 'epoch', g.epoch::text, 'runner', g.runner, 'fence', g.fence::text,
                     'leasedUntil', ${microseconds('g.leased_until')}::text,
                     'leased', coalesce(g.leased_until > clock_timestamp(), false),
                     'failure', g.failure, 'failed', g.failed, 'reportedAt', ${microseconds('g.reported_at')}::text,
                     'metrics', g.metrics, 'comparison', g.comparison) ORDER BY NOT g.live)
              FROM ${quoted}.projection_generations g WHERE g.name = p.name),
           (SELECT count(*) FROM ${quoted}.projection_generations g
              JOIN ${quoted}.projection_aggregates a ON a.name = g.name AND a.generation = g.generation
             WHERE g.name = p.name AND g.live AND a.failed_position IS NOT NULL)
      FROM ${quoted}.projections p,
           (SELECT l.position FROM ${quoted}.log_head l ORDER BY l.position DESC LIMIT 1) h
     WHERE ${condition} ORDER BY p.name LIMIT ${limit}`;
}

interface GenerationRow {
  readonly generation: string;
  readonly definitionVersion: number;
  readonly position: string;
  readonly epoch: string;
  readonly runner: string;
  readonly fence: string;
  readonly leasedUntil: string | null;
  readonly leased: boolean;
  readonly failure: StoredFailure | null;
  readonly failed: boolean;
  readonly reportedAt: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly comparison: string;
}

function projectionFromRow(row: Row): Projection {
  const [name, kind, wish, createdAt, headText, generations, failedAggregates] = row;
  const [live, building] = JSON.parse(generations ?? '[]') as [GenerationRow, GenerationRow?];
  const head = BigInt(headText ?? 0);
  return {
    name: name ?? '',
    kind: kind as ProjectionKind,
    status: projectionStatus({ ...live, wish: wish as ProjectionOrders['wish'] }),
    live: generationFrom(live, head),
    building: building && generationFrom(building, head),
    head,
    createdAt: BigInt(createdAt ?? 0),
    failedAggregates: BigInt(failedAggregates ?? 0),
  };
}

function generationFrom(row: GenerationRow, head: bigint): ProjectionGeneration {
  const position = BigInt(row.position);
  return {
    generation: BigInt(row.generation),
    definitionVersion: row.definitionVersion,
    position: storedPosition(row.position, row.epoch),
    lag: head > position ? head - position : 0n,
    runner: row.leased ? row.runner : '',
    fence: BigInt(row.fence),
    leasedUntil: row.leasedUntil === null ? undefined : BigInt(row.leasedUntil),
    failure: row.failure === null ? undefined : failureFromStored(row.failure),
    reportedAt: row.reportedAt === null ? undefined : BigInt(row.reportedAt),
    metrics: row.metrics,
    comparison: row.comparison,
  };
}
