import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { AppendRequest, Appended } from '../../../src/core/append.js';
import { EventIdReusedError } from '../../../src/core/errors.js';
import { DEFAULT_CONTENT_TYPE, type Event } from '../../../src/core/event.js';
import { streamKey } from '../../../src/core/stream.js';

type Queryable = Pick<pg.Pool, 'query'>;

/** The tables of a planted store; the columns are those of the real one, as far as the checker reads them. */
export async function createPlantedSchema(client: Queryable, schema: string): Promise<void> {
  await client.query(`
    CREATE SCHEMA "${schema}";
    CREATE TABLE "${schema}".events (
      position bigint PRIMARY KEY, aggregate_type text NOT NULL, aggregate_id text NOT NULL, version bigint NOT NULL,
      event_id uuid NOT NULL, event_type text NOT NULL, data bytea NOT NULL, content_type text NOT NULL,
      metadata jsonb NOT NULL, tags text[] NOT NULL, schema_version integer NOT NULL, recorded_at timestamptz NOT NULL,
      ends_append boolean NOT NULL, signature text NOT NULL, UNIQUE (aggregate_type, aggregate_id, version));
    CREATE INDEX ON "${schema}".events (event_id);
    CREATE SEQUENCE "${schema}".positions;
    CREATE TABLE "${schema}".lock (one boolean);
    INSERT INTO "${schema}".lock VALUES (true);
    CREATE VIEW "${schema}".log_head AS SELECT coalesce(max(position), 0) AS position FROM "${schema}".events`);
}

/** Takes the lock that orders the log, and looks where it ends. */
export async function lockHead(client: Queryable): Promise<bigint> {
  await client.query('SELECT FROM lock FOR UPDATE');
  const { rows } = await client.query<{ position: string }>('SELECT position FROM log_head');
  return BigInt(rows[0]?.position ?? 0);
}

export async function streamVersions(
  client: Queryable,
  streams: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await client.query<{ stream: string; version: string }>(
    `SELECT aggregate_type || E'\\n' || aggregate_id AS stream, max(version) AS version FROM events
      WHERE (aggregate_type, aggregate_id) IN
            (SELECT split_part(s, E'\\n', 1), split_part(s, E'\\n', 2) FROM unnest($1::text[]) s) GROUP BY 1`,
    [streams],
  );
  return new Map(rows.map(({ stream, version }) => [stream, BigInt(version)]));
}

/** The first answer, if the append is in the log; the refusal, if its ids are there for something else. */
export async function findRepeat(
  client: Queryable,
  request: AppendRequest,
): Promise<Appended | EventIdReusedError | undefined> {
  const ids = idsOf(request);
  const { rows } = await client.query<PlantedRow>(
    `SELECT ${COLUMNS} FROM events WHERE signature IN (SELECT signature FROM events WHERE event_id = ANY ($1::uuid[]))
      ORDER BY position`,
    [ids],
  );
  const known = rows.find(({ event_id }) => ids.includes(event_id));
  if (known === undefined) return undefined;
  const signature = signatureOf(request);
  if (known.signature !== signature) return new EventIdReusedError(known.event_id, BigInt(known.position));
  const versions = new Map<string, bigint>();
  const first = BigInt(known.position);
  const whole = rows.filter((row) => row.signature === signature).slice(0, ids.length);
  for (const row of whole) versions.set(`${row.aggregate_type}\n${row.aggregate_id}`, BigInt(row.version));
  return {
    outcome: 'APPENDED',
    firstPosition: first,
    lastPosition: BigInt(whole.at(-1)?.position ?? 0),
    versions: versionsOf(request, versions),
    eventIds: ids,
    recordedAt: BigInt(known.micros),
    epoch: 1n,
    deduplicated: true,
  };
}

/** Writes behind the head or, without one, at positions of the sequence. */
export async function insertEvents(
  client: Queryable,
  request: AppendRequest,
  before: ReadonlyMap<string, bigint>,
  head: bigint | undefined,
): Promise<Appended> {
  const versions = new Map(before);
  const positions: bigint[] = [];
  const ids = idsOf(request);
  const { rows } = await client.query<{ now: string; micros: string }>(
    'SELECT t::text AS now, (extract(epoch FROM t) * 1000000)::bigint AS micros FROM clock_timestamp() t',
  );
  const [time] = rows;
  for (const { stream, events } of request.streams)
    for (const event of events) {
      const key = streamKey(stream);
      const version = (versions.get(key) ?? 0n) + 1n;
      versions.set(key, version);
      const wanted = head === undefined ? undefined : head + BigInt(positions.length) + 1n;
      const inserted = await client.query<{ position: string }>(
        `INSERT INTO events VALUES (coalesce($1, nextval('positions')), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         RETURNING position`,
        [
          wanted,
          stream.aggregateType,
          stream.aggregateId,
          version,
          event.eventId,
          event.eventType,
          event.data,
          event.contentType ?? DEFAULT_CONTENT_TYPE,
          event.metadata ?? {},
          event.tags ?? [],
          event.schemaVersion ?? 1,
          time?.now,
          positions.length === ids.length - 1,
          signatureOf(request),
        ],
      );
      positions.push(BigInt(inserted.rows[0]?.position ?? 0));
    }
  return {
    outcome: 'APPENDED',
    firstPosition: positions[0] ?? 0n,
    lastPosition: positions.at(-1) ?? 0n,
    versions: versionsOf(request, versions),
    eventIds: ids,
    recordedAt: positions.length > 0 ? BigInt(time?.micros ?? 0) : undefined,
    epoch: 1n,
    deduplicated: false,
  };
}

export async function eventsAfter(client: Queryable, position: bigint): Promise<Event[]> {
  const { rows } = await client.query<PlantedRow>(
    `SELECT ${COLUMNS} FROM events WHERE position > $1 ORDER BY position`,
    [position],
  );
  return rows.map((row) => ({
    position: BigInt(row.position),
    stream: { aggregateType: row.aggregate_type, aggregateId: row.aggregate_id },
    version: BigInt(row.version),
    eventId: row.event_id,
    eventType: row.event_type,
    data: row.data,
    contentType: row.content_type,
    metadata: row.metadata,
    tags: row.tags,
    schemaVersion: row.schema_version,
    recordedAt: BigInt(row.micros),
  }));
}

const COLUMNS = '*, (extract(epoch FROM recorded_at) * 1000000)::bigint AS micros';

interface PlantedRow {
  readonly position: string;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly version: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly data: Buffer;
  readonly content_type: string;
  readonly metadata: Record<string, string>;
  readonly tags: string[];
  readonly schema_version: number;
  readonly micros: string;
  readonly signature: string;
}

function idsOf({ streams }: AppendRequest): string[] {
  return streams.flatMap(({ events }) => events.map(({ eventId }) => eventId ?? ''));
}

function signatureOf({ streams }: AppendRequest): string {
  const hash = createHash('sha256');
  for (const { stream, events } of streams)
    for (const { data, eventId, eventType } of events)
      hash.update(`${streamKey(stream)}\n${eventId}\n${eventType}\n`).update(data);
  return hash.digest('base64');
}

function versionsOf({ streams }: AppendRequest, versions: ReadonlyMap<string, bigint>): Appended['versions'] {
  return streams.flatMap(({ stream, events }) =>
    events.length === 0 ? [] : [{ stream, version: versions.get(streamKey(stream)) ?? 0n }],
  );
}
