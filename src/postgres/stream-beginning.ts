import { MAX_BIGINT, PAGE_EVENTS } from '../core/limits.js';
import type { Range } from '../core/filter.js';
import type { LogHead } from '../core/log.js';
import type { StreamId } from '../core/stream.js';
import type { BinaryRows } from './gathered-rows.js';
import type { Queries } from './database.js';
import { eventColumns, EventRows, lastColumn } from './event-rows.js';
import { notEmptied } from './filter-condition.js';
import { Parameters } from './parameters.js';
import { quotedSchema } from './schema.js';
import { eventFits } from './select-events.js';
import { firstKept } from './stream-row.js';
import type { StreamState } from './stream-states.js';

/** What of a stream is to be read. */
export interface StreamSought {
  readonly stream: StreamId;
  readonly versions: Range<bigint>;
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  readonly limit: bigint | undefined;
  /** Also what was there before the stream was created anew. */
  readonly includeDeleted: boolean;
}

/** What a load of one stream begins with. */
export interface StreamBeginning {
  readonly head: LogHead;
  readonly state: StreamState;
  /** What `PageReader` would read first of what the state shows. */
  readonly rows: EventRows;
}

/**
 * The head of the log, the state of a stream and its first events, all in one snapshot, by one statement: most streams are
 * short, and a second statement would cost as much as their events. What is told once stands in each row, in one column,
 * since to send it is cheaper than to find out which row is the first.
 */
export async function streamBeginning(
  database: Queries,
  schema: string,
  sought: StreamSought,
  signal?: AbortSignal,
): Promise<StreamBeginning> {
  const { text, values } = streamStatement(schema, sought);
  const rows = await database.queryBinary('read', text, values, { signal, prepared: 'stream' });
  return beginning(rows, sought.stream);
}

/** Its text tells only the direction, and whether what deletion hides is shown; values are never part of it. */
export function streamStatement(
  schema: string,
  { stream, versions, direction, limit = MAX_BIGINT, includeDeleted }: StreamSought,
): { text: string; values: readonly unknown[] } {
  const quoted = quotedSchema(schema);
  const parameters = new Parameters();
  const events = Math.min(Number(limit), PAGE_EVENTS);
  const order = `version ${direction === 'FORWARDS' ? 'ASC' : 'DESC'}`;
  const aggregateType = parameters.text(stream.aggregateType);
  const aggregateId = parameters.text(stream.aggregateId);
  const first = parameters.bigint(versions.first ?? 1n);
  const last = parameters.bigint(versions.last ?? MAX_BIGINT);
  // Whether an erasure is pending stands in the stream's own row.
  const erased = `(e.removed IS NOT NULL
        OR e.version >= s.erase_from AND e.version < s.erase_before AND left(e.event_type, 1) <> '$')`;
  const text = `
    SELECT ${eventColumns('e', eventFits('e', events, parameters), erased)}, s.told
      FROM (SELECT s.erase_from, s.erase_before, least(${last}, s.version) AS last,
                   greatest(${first}, s.first_kept${includeDeleted ? '' : ', s.hidden_before'}) AS first,
                   int8send(h.position) || int8send(h.epoch) || int8send(coalesce(s.version, 0))
                     || int8send(coalesce(s.hidden_before, 1)) || int8send(coalesce(s.first_kept, 1))
                     || boolsend(coalesce(s.deleted, false)) AS told
              FROM (SELECT position, epoch FROM ${quoted}.log_head ORDER BY position DESC LIMIT 1) h
              LEFT JOIN (SELECT s.version, s.hidden_before, s.erase_from, s.erase_before,
                                s.deleted_at IS NOT NULL AS deleted, ${firstKept(schema)} AS first_kept
                           FROM ${quoted}.streams s
                          WHERE s.aggregate_type = ${aggregateType} AND s.aggregate_id = ${aggregateId}
                         OFFSET 0) s ON true
            -- Put together once, and not for each event.
            OFFSET 0) s
      LEFT JOIN LATERAL
           (SELECT o.* FROM ${quoted}.events o
             WHERE o.aggregate_type = ${aggregateType} AND o.aggregate_id = ${aggregateId}
               AND o.version >= s.first AND o.version <= s.last AND ${notEmptied('o')}
             ORDER BY o.${order}
             LIMIT ${parameters.bigint(BigInt(events))}) e ON true
     ORDER BY e.${order}`;
  return { text, values: parameters.values };
}

function beginning(rows: BinaryRows, stream: StreamId): StreamBeginning {
  const told = lastColumn(rows, TOLD_BYTES);
  const number = (index: number) => told.readBigInt64BE(index * 8);
  return {
    head: { position: number(0), epoch: number(1) },
    state: {
      stream,
      version: number(2),
      hiddenBefore: number(3),
      firstKept: number(4),
      deleted: told[TOLD_BYTES - 1] === 1,
    },
    rows: new EventRows(rows).orNone(),
  };
}

const TOLD_BYTES = 5 * 8 + 1;
