import { InvalidRequestError, StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { NewSnapshot, Snapshot } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';
import type { WantedSnapshot } from '../core/validate-snapshot.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';

/** Keeps a snapshot and all but throws away the newest three. Throws what the port says. */
export async function saveSnapshot(
  database: Database,
  schema: string,
  { stream, snapshot }: { readonly stream: StreamId; readonly snapshot: NewSnapshot },
  signal?: AbortSignal,
): Promise<void> {
  const [row] = await database.query(
    'append',
    `SELECT verdict, first_version, last_version FROM ${quotedSchema(schema)}.save_snapshot($1, $2, $3, $4, $5, $6)`,
    [
      stream.aggregateType,
      stream.aggregateId,
      String(snapshot.version),
      snapshot.data,
      snapshot.contentType,
      snapshot.schemaVersion ?? 1,
    ],
    { signal },
  );
  const [verdict, first, last] = row ?? [];
  if (verdict === 'N') throw new StreamNotFoundError(stream);
  if (verdict === 'G') throw new StreamDeletedError(stream);
  if (verdict === 'V')
    throw new InvalidRequestError([
      {
        field: 'snapshot.version',
        description: `is ${snapshot.version}, and this aggregate can have snapshots from version ${first} to ${last}`,
      },
    ]);
}

/** The newest snapshot that fits, of the stream's present life. */
export async function getSnapshot(
  database: Database,
  schema: string,
  { stream, wanted }: { readonly stream: StreamId; readonly wanted: WantedSnapshot },
  signal?: AbortSignal,
): Promise<Snapshot | undefined> {
  const quoted = quotedSchema(schema);
  const [row] = await database.query(
    'read',
    `SELECT s.version, encode(s.data, 'hex'), s.content_type, s.schema_version,
            (date_part('epoch', s.taken_at) * 1000000)::bigint
       FROM ${quoted}.snapshots s
       JOIN ${quoted}.streams o ON o.aggregate_type = s.aggregate_type AND o.aggregate_id = s.aggregate_id
      WHERE s.aggregate_type = $1 AND s.aggregate_id = $2 AND s.version >= o.hidden_before
        AND ($3::bigint IS NULL OR s.version <= $3) AND ($4::integer IS NULL OR s.schema_version = $4)
      ORDER BY s.version DESC LIMIT 1`,
    [
      stream.aggregateType,
      stream.aggregateId,
      wanted.upToVersion === undefined ? null : String(wanted.upToVersion),
      wanted.schemaVersion ?? null,
    ],
    { signal },
  );
  if (row === undefined) return undefined;
  const [version, data, contentType, schemaVersion, takenAt] = row;
  return {
    version: BigInt(version ?? 0),
    data: Buffer.from(data ?? '', 'hex'),
    contentType: contentType ?? '',
    schemaVersion: Number(schemaVersion),
    takenAt: BigInt(takenAt ?? 0),
  };
}

/** Throws all snapshots of an aggregate away; gives how many there were. */
export async function deleteSnapshots(
  database: Database,
  schema: string,
  stream: StreamId,
  signal?: AbortSignal,
): Promise<bigint> {
  const [row] = await database.query(
    'append',
    `SELECT ${quotedSchema(schema)}.delete_snapshots($1, $2)`,
    [stream.aggregateType, stream.aggregateId],
    { signal },
  );
  return BigInt(row?.[0] ?? 0);
}
