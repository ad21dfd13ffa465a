import type { Event } from '../core/event.js';
import type { FromSnapshot, LoadedAggregate } from '../core/loaded-aggregate.js';
import type { StreamId } from '../core/stream.js';
import type { Database, Row } from './database.js';
import { EVENT_COLUMNS, eventFromRow, fits } from './event-row.js';
import { quotedSchema } from './schema.js';
import { microseconds } from './stream-row.js';

/** Events of one aggregate in one answer … */
const EVENTS = 256;
/** … and their bytes; who has more loads the rest page by page. */
const EVENT_BYTES = 64 * 1024;
/** Of all snapshots of one statement together; one alone may be longer. */
const SNAPSHOT_BYTES = 4 * 1024 * 1024;

/** Which aggregate, and from which snapshot. */
export interface AggregateSought {
  readonly stream: StreamId;
  readonly from: FromSnapshot;
}

/** Columns of an aggregate, in front of those of an event. */
const AGGREGATE_COLUMNS = 12;

/**
 * The aggregates in the order asked for, in one statement; `undefined` for those that had no room beside the others, never
 * the first.
 */
export async function loadAggregates(
  database: Pick<Database, 'query'>,
  schema: string,
  sought: readonly AggregateSought[],
): Promise<readonly (LoadedAggregate | undefined)[]> {
  const rows = await database.query(
    'read',
    `SELECT place, number, left_out, deleted, stream_version, head_position, head_epoch, snapshot_version,
            encode(snapshot_data, 'hex'), snapshot_content_type, snapshot_schema_version, ${microseconds('snapshot_taken_at')},
            ${EVENT_COLUMNS}
       FROM ${quotedSchema(schema)}.load_aggregates($1::text[], $2::text[], $3::integer[], $4, $5, $6) f`,
    [
      sought.map(({ stream }) => stream.aggregateType),
      sought.map(({ stream }) => stream.aggregateId),
      sought.map(({ from }) => (from === 'NONE' ? 0 : from === 'ANY' ? null : from.schemaVersion)),
      EVENTS,
      EVENT_BYTES,
      SNAPSHOT_BYTES,
    ],
    { prepared: 'load_aggregates' },
  );
  const found: Row[][] = sought.map(() => []);
  for (const row of rows) {
    const of = found[Number(row[0]) - 1];
    if (of !== undefined) of[Number(row[1]) - 1] = row;
  }
  return found.map(loadedFrom);
}

function loadedFrom(rows: readonly Row[]): LoadedAggregate | undefined {
  const [first] = rows;
  if (first === undefined) throw new Error('The database gave no row of an aggregate');
  const [, , leftOut, deleted, version, position, epoch, snapshotVersion, data, ...rest] = first;
  if (leftOut === 't') return undefined;
  const [contentType, schemaVersion, takenAt] = rest;
  const events: Event[] = [];
  let more = false;
  for (const row of rows) {
    const event = row.slice(AGGREGATE_COLUMNS);
    if (fits(event)) events.push(eventFromRow(event));
    // Without an event it is neither true nor false.
    else more ||= event[0] === 'f';
  }
  return {
    version: BigInt(version ?? 0),
    deleted: deleted === 't',
    snapshot:
      snapshotVersion === null || snapshotVersion === undefined
        ? undefined
        : {
            version: BigInt(snapshotVersion),
            data: Buffer.from(data ?? '', 'hex'),
            contentType: contentType ?? '',
            schemaVersion: Number(schemaVersion),
            takenAt: BigInt(takenAt ?? 0),
          },
    events,
    more,
    readTo: { position: BigInt(position ?? 0), epoch: BigInt(epoch ?? 0) },
  };
}
