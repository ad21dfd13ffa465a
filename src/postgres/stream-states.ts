import type { LogHead } from '../core/log.js';
import type { StreamId } from '../core/stream.js';
import type { Queries } from './database.js';
import { quotedSchema } from './schema.js';
import { firstKept } from './stream-row.js';

/** As much of a stream as decides what a read of it shows. */
export interface StreamState {
  readonly stream: StreamId;
  /** Of its last event; 0 if it never had one. */
  readonly version: bigint;
  readonly deleted: boolean;
  /** Versions below were there before the stream was created anew. */
  readonly hiddenBefore: bigint;
  /** Versions below were truncated or have expired. */
  readonly firstKept: bigint;
}

/** The head of the log, and in the same snapshot the states of the streams, in their order. */
export async function headAndStreamStates(
  database: Queries,
  schema: string,
  streams: readonly StreamId[],
  signal?: AbortSignal,
): Promise<{ head: LogHead; states: readonly StreamState[] }> {
  const quoted = quotedSchema(schema);
  const [only] = streams;
  // One alone has a plainer statement, since most loads are of one: 0.20 ms and not 0.27.
  const alone = only !== undefined && streams.length === 1;
  const rows = await database.query(
    'read',
    `SELECT h.position, h.epoch, s.version, s.deleted_at IS NOT NULL, s.hidden_before, ${firstKept(schema)}
       FROM (SELECT * FROM ${quoted}.log_head ORDER BY position DESC LIMIT 1) h
       ${
         alone
           ? `LEFT JOIN ${quoted}.streams s ON s.aggregate_type = $1 AND s.aggregate_id = $2`
           : `CROSS JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY n (aggregate_type, aggregate_id, place)
               LEFT JOIN ${quoted}.streams s
                 ON s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id
              ORDER BY n.place`
       }`,
    alone
      ? [only.aggregateType, only.aggregateId]
      : [streams.map(({ aggregateType }) => aggregateType), streams.map(({ aggregateId }) => aggregateId)],
    { signal, prepared: 'streams' },
  );
  const [any] = rows;
  return {
    head: { position: BigInt(any?.[0] ?? 0), epoch: BigInt(any?.[1] ?? 0) },
    states: streams.map((stream, index) => {
      const [, , version, deleted, hiddenBefore, kept] = rows[index] ?? [];
      return {
        stream,
        version: BigInt(version ?? 0),
        deleted: deleted === 't',
        hiddenBefore: BigInt(hiddenBefore ?? 1),
        firstKept: BigInt(kept ?? 1),
      };
    }),
  };
}
