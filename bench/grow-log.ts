import type pg from 'pg';
import { systemRuntime } from '../src/system.js';
import { PAYLOADS } from './workload.js';

/** What a log looks like that was grown. */
export const GROWN = {
  /** Streams that are written side by side, as by so many callers. */
  lanes: 256,
  /** One lane in four is of the second type … */
  aggregateTypes: ['Account', 'Transfer'],
  /** … and one in sixteen has long streams. */
  longStream: 100,
  shortStream: 10,
  /** One event in so many has two tags, `course:…` and `student:…`. */
  taggedEvery: 10,
  courses: 1_000,
  students: 20_000,
} as const;

/** As many events as one transaction writes: whole streams, long and short ones. */
const PORTION = GROWN.lanes * GROWN.longStream * 2;

/**
 * Makes a log grow to so many events without the service, in a third of the time. Rows are as the service writes them (a
 * test compares), through all constraints and indexes and under the log's lock, so others may append meanwhile; but each
 * event is an append of its own, and a stream is written once, and not with each of its events.
 *
 * @param onPortion is told the log's head after each transaction
 */
export async function growLog(
  client: pg.Client,
  schema: string,
  events: number,
  onPortion: (head: number) => void = () => undefined,
): Promise<void> {
  await client.query(`SELECT "${schema}".open_log()`);
  for (let head = await headOf(client, schema); head < events; onPortion(head))
    head = await appendPortion(client, schema, Math.min(PORTION, events - head));
}

/** The last position of the log. */
export async function headOf(client: pg.Client, schema: string): Promise<number> {
  const { rows } = await client.query<{ position: string }>(
    `SELECT position FROM "${schema}".log_head ORDER BY position DESC LIMIT 1`,
  );
  return Number(rows[0]?.position ?? 0);
}

/** Gives the new head. */
async function appendPortion(client: pg.Client, schema: string, events: number): Promise<number> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL search_path = "${schema}"`);
    // What a crash undoes is made again; and to read back what has just been written there are no statistics.
    await client.query('SET LOCAL synchronous_commit = off; SET LOCAL enable_seqscan = off');
    const { rows } = await client.query<{ position: string; recorded_at: string }>(
      'SELECT position, recorded_at::text FROM log_head ORDER BY position DESC LIMIT 1 FOR UPDATE',
    );
    const [head] = rows;
    if (head === undefined) throw new Error('The log has no head');
    await client.query(WRITE_EVENTS, [
      events,
      head.position,
      head.recorded_at,
      systemRuntime.newEventId(),
      PAYLOADS.map(({ eventType }) => eventType),
      PAYLOADS.map(({ data }) => data),
      PAYLOADS.map(({ hash }) => hash),
      PAYLOADS.map(({ contentType }) => contentType),
      PAYLOADS.map(({ metadata }) => JSON.stringify(metadata)),
    ]);
    await client.query(WRITE_TAGS, [head.position]);
    await client.query(WRITE_STREAMS, [head.position]);
    await client.query(MOVE_HEAD);
    await client.query('COMMIT');
    return Number(head.position) + events;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

const [ACCOUNT, TRANSFER] = GROWN.aggregateTypes;

/** A UUIDv7 of a time and the random part of a UUIDv4's text; Postgres has a function of its own from 18 on. */
const uuid7 = (time: string, random: string) =>
  `(lpad(to_hex((extract(epoch FROM ${time}) * 1000)::bigint), 12, '0') || '7' || substr(${random}, 16))::uuid`;

/** Event `i` of the portion is step `i / lanes` of its lane; streams of a lane follow one another. */
const WRITE_EVENTS = `
  INSERT INTO events (position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type,
                      metadata, tags, schema_version, recorded_at, hash, ends_append)
  SELECT $2::bigint + i, CASE WHEN lane % 4 = 3 THEN '${TRANSFER}' ELSE '${ACCOUNT}' END,
         -- The same for all events of a stream.
         ${uuid7('began_at', `md5($4 || lane || '/' || nth)::uuid::text`)}::text,
         step % length + 1, ${uuid7('recorded_at', 'gen_random_uuid()::text')},
         ($5::text[])[payload], ($6::bytea[])[payload], ($8::text[])[payload], ($9::jsonb[])[payload],
         CASE WHEN i % ${GROWN.taggedEvery} = 0
              THEN ARRAY['course:' || floor(random() * ${GROWN.courses}), 'student:' || floor(random() * ${GROWN.students})]
              ELSE '{}' END,
         1, recorded_at, ($7::bytea[])[payload], true
    FROM (SELECT *, 1 + i % 64 AS payload,
                 began + (now - began) * (i / $1::float8) AS recorded_at,
                 began + (now - began) * ((nth * length * ${GROWN.lanes} + lane + 1) / $1::float8) AS began_at
            FROM (SELECT *, step / length AS nth
                    FROM (SELECT i, (i - 1) % ${GROWN.lanes} AS lane, (i - 1) / ${GROWN.lanes} AS step,
                                 CASE WHEN (i - 1) % 16 = 0 THEN ${GROWN.longStream} ELSE ${GROWN.shortStream} END AS length
                            FROM generate_series(1, $1::integer) i) steps) streams,
                 (SELECT $3::timestamptz AS began, greatest($3::timestamptz, clock_timestamp()) AS now) times) made
   ORDER BY i`;

const WRITE_TAGS = `
  INSERT INTO event_tags (tag, position)
  SELECT tag, position FROM events, unnest(tags) tag WHERE position > $1 ORDER BY position`;

const WRITE_STREAMS = `
  INSERT INTO streams (aggregate_type, aggregate_id, version, created_at, updated_at)
  SELECT aggregate_type, aggregate_id, max(version), min(recorded_at), max(recorded_at)
    FROM events WHERE position > $1 GROUP BY 1, 2 ORDER BY min(position)`;

const MOVE_HEAD = `
  UPDATE log_head SET (position, recorded_at) =
    (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1)`;
