import { ProjectionNotFoundError } from '../../core/follower-errors.js';
import type {
  AggregateProgress,
  LoadProjectionRequest,
  ProjectionKind,
  SavedProjection,
} from '../../core/projections.js';
import type { LogPosition } from '../../core/subscribe.js';
import {
  PROJECTION_AGGREGATES,
  PROJECTION_STATE_BYTES,
  PROJECTION_TEXT_BYTES,
  STATE_CONTENT_TYPE,
  tooManyStates,
} from '../../core/validate-projection.js';
import { textArray } from '../binary-array.js';
import { quotedSchema } from '../schema.js';
import { storedPosition } from '../stored-position.js';
import { failureFromStored, type StoredFailure } from './failure-json.js';
import type { ProjectionsPlace } from './place.js';

/** What counts against the bytes of an answer, as `progressBytes` has it. */
const BYTES = `octet_length(a.state) + least(${PROJECTION_TEXT_BYTES}, coalesce(length(a.failure ->> 'error'), 0))`;

/**
 * Position and states of one moment: one statement. Aggregates that are asked for by name come first; of those that are due as
 * many as fit behind them, by position. What would be too much is not read.
 */
export async function loadProjection(
  { database, schema, signal }: ProjectionsPlace,
  { name, generation = 0n, streams = [], due = false }: LoadProjectionRequest,
): Promise<SavedProjection> {
  const quoted = quotedSchema(schema);
  const [row] = await database.query(
    'read',
    `WITH mine AS (
       SELECT g.* FROM ${quoted}.projection_generations g
        WHERE g.name = $1 AND CASE WHEN $2::bigint = 0 THEN g.live ELSE g.generation = $2::bigint END
     ), asked AS (
       SELECT a.*, ${BYTES} AS bytes, n.place
         FROM mine m
         CROSS JOIN unnest($3::text[], $4::text[]) WITH ORDINALITY AS n (type, id, place)
         JOIN ${quoted}.projection_aggregates a
           ON a.name = m.name AND a.generation = m.generation AND a.aggregate_type = n.type AND a.aggregate_id = n.id
     ), waiting AS (
       SELECT a.*, ${BYTES} AS bytes, 0::bigint AS place
         FROM mine m JOIN ${quoted}.projection_aggregates a ON a.name = m.name AND a.generation = m.generation
        WHERE $5 AND a.due
       UNION ALL
       SELECT a.*, ${BYTES}, 0
         FROM mine m JOIN ${quoted}.projection_aggregates a ON a.name = m.name AND a.generation = m.generation
        WHERE $5 AND a.retry_at <= clock_timestamp() AND NOT a.due
     ), due AS (
       SELECT w.*, sum(w.bytes) OVER (ORDER BY w.failed_position, w.aggregate_type, w.aggregate_id) AS so_far
         FROM waiting w
        WHERE NOT EXISTS (SELECT FROM asked k WHERE k.aggregate_type = w.aggregate_type AND k.aggregate_id = w.aggregate_id)
        ORDER BY w.failed_position, w.aggregate_type, w.aggregate_id
        LIMIT ${PROJECTION_AGGREGATES} - (SELECT count(*) FROM asked)
     ), shown AS (
       SELECT k.aggregate_type, k.aggregate_id, k.version, k.state, k.failure, k.place, k.failed_position
         FROM asked k WHERE (SELECT sum(t.bytes) FROM asked t) <= ${PROJECTION_STATE_BYTES}
       UNION ALL
       SELECT d.aggregate_type, d.aggregate_id, d.version, d.state, d.failure, ${PROJECTION_AGGREGATES + 1}, d.failed_position
         FROM due d WHERE d.so_far + coalesce((SELECT sum(t.bytes) FROM asked t), 0) <= ${PROJECTION_STATE_BYTES}
     )
     SELECT m.generation, m.position, m.epoch, encode(m.state, 'hex'), m.content_type,
            (SELECT sum(t.bytes) FROM asked t),
            (SELECT json_agg(json_build_array(s.aggregate_type, s.aggregate_id, s.version::text, encode(s.state, 'hex'), s.failure)
                             ORDER BY s.place, s.failed_position, s.aggregate_type, s.aggregate_id) FROM shown s),
            (SELECT p.kind FROM ${quoted}.projections p WHERE p.name = m.name)
       FROM mine m`,
    [
      name,
      String(generation),
      textArray(streams.map(({ aggregateType }) => aggregateType)),
      textArray(streams.map(({ aggregateId }) => aggregateId)),
      due,
    ],
    { signal },
  );
  if (row === undefined) throw new ProjectionNotFoundError(name);
  const [found, position, epoch, state, contentType, bytes, aggregates, kind] = row;
  if (Number(bytes ?? 0) > PROJECTION_STATE_BYTES) throw tooManyStates(Number(bytes));
  return {
    kind: kind as ProjectionKind,
    generation: BigInt(found ?? 0),
    position: storedPosition(position, epoch),
    state: Buffer.from(state ?? '', 'hex'),
    contentType: contentType || STATE_CONTENT_TYPE,
    aggregates: (JSON.parse(aggregates ?? '[]') as AggregateRow[]).map(progressOf),
  };
}

/** Where the live generation is. Throws `ProjectionNotFoundError`. */
export async function projectionPosition(
  { database, schema, signal }: ProjectionsPlace,
  name: string,
): Promise<LogPosition> {
  const [row] = await database.query(
    'read',
    `SELECT g.position, g.epoch FROM ${quotedSchema(schema)}.projection_generations g WHERE g.name = $1 AND g.live`,
    [name],
    { signal },
  );
  if (row === undefined) throw new ProjectionNotFoundError(name);
  return storedPosition(row[0], row[1]);
}

type AggregateRow = readonly [
  type: string,
  id: string,
  version: string,
  state: string,
  failure: StoredFailure | null,
];

function progressOf([aggregateType, aggregateId, version, state, failure]: AggregateRow): AggregateProgress {
  return {
    stream: { aggregateType, aggregateId },
    version: BigInt(version),
    state: Buffer.from(state, 'hex'),
    failure: failure === null ? undefined : failureFromStored(failure),
  };
}
