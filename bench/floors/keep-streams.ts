import type pg from 'pg';
import { int8Array, textArray } from '../../src/postgres/binary-array.js';
import type { FloorRow } from './floor-rows.js';

// What an append must write besides the events, by the cheapest statements that were found for it.

/** Moves the head, which locks it for as long as the transaction lasts. */
export async function moveHead(client: pg.Client, floorSchema: string, events: number): Promise<void> {
  await client.query({
    name: `move_head_${floorSchema}`,
    text: `UPDATE "${floorSchema}".log_head SET position = position + $1, recorded_at = clock_timestamp()`,
    values: [events],
  });
}

/** Brings the streams' versions to those of the rows, of which there is one a stream. */
export async function writeStreams(
  client: pg.Client,
  floorSchema: string,
  rows: readonly FloorRow[],
): Promise<void> {
  const values = (some: readonly FloorRow[]) => [
    textArray(some.map(({ stream }) => stream.aggregateType)),
    textArray(some.map(({ stream }) => stream.aggregateId)),
    int8Array(some.map(({ version }) => BigInt(version))),
  ];
  const given =
    'SELECT unnest($1::text[]) AS type, unnest($2::text[]) AS id, unnest($3::bigint[]) AS version';
  const continued = rows.filter(({ version }) => version > 1);
  if (continued.length > 0)
    await client.query({
      name: `continue_${floorSchema}`,
      text: `UPDATE "${floorSchema}".streams s SET version = n.version, updated_at = clock_timestamp()
               FROM (SELECT g.version, (SELECT o.ctid FROM "${floorSchema}".streams o WHERE o.aggregate_type = g.type
                                           AND o.aggregate_id = g.id AND o.version = g.version - 1) AS row
                       FROM (${given}) g) n
              WHERE s.ctid = n.row`,
      values: values(continued),
    });
  const created = rows.filter(({ version }) => version === 1);
  if (created.length > 0)
    await client.query({
      name: `create_${floorSchema}`,
      text: `INSERT INTO "${floorSchema}".streams (aggregate_type, aggregate_id, version, created_at, updated_at)
             SELECT n.type, n.id, n.version, clock_timestamp(), clock_timestamp() FROM (${given}) n`,
      values: values(created),
    });
}
