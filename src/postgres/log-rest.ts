import { PAGE_EVENTS } from '../core/limits.js';
import type { LogHead } from '../core/log.js';
import type { Queries } from './database.js';
import { eventColumns, EventRows, lastColumn } from './event-rows.js';
import { notEmptied } from './filter-condition.js';
import { Parameters } from './parameters.js';
import { erasurePending } from './pending-erasure.js';
import { quotedSchema } from './schema.js';
import { eventFits } from './select-events.js';

/** What the log has behind a position, … */
export interface LogRest {
  readonly head: LogHead;
  /** … as `PageReader` would read it first. */
  readonly rows: EventRows;
}

const HEAD_BYTES = 2 * 8;

/**
 * What the log has behind a position and its head, in one snapshot and by one statement: so those that follow it are fed, some
 * events at a time, and to ask for the head before took as long as to read ten of them. `undefined` if there is nothing.
 */
export async function logRest(
  database: Queries,
  schema: string,
  after: bigint,
  signal?: AbortSignal,
): Promise<LogRest | undefined> {
  const quoted = quotedSchema(schema);
  const parameters = new Parameters();
  const erased = `(e.removed IS NOT NULL OR ${erasurePending(schema)})`;
  // All in each row, since to send it is cheaper than to find out which row is the first.
  const text = `
    SELECT ${eventColumns('e', eventFits('e', PAGE_EVENTS, parameters), erased)},
           (SELECT int8send(position) || int8send(epoch)
              FROM ${quoted}.log_head ORDER BY position DESC LIMIT 1)
      FROM ${quoted}.events e
     WHERE ${notEmptied('e')} AND e.position > ${parameters.bigint(after)}
     ORDER BY e.position
     LIMIT ${parameters.bigint(BigInt(PAGE_EVENTS))}`;
  const rows = await database.queryBinary('read', text, parameters.values, { signal, prepared: 'rest' });
  if (rows.starts.length === 0) return undefined;
  const head = lastColumn(rows, HEAD_BYTES);
  return {
    head: { position: head.readBigInt64BE(0), epoch: head.readBigInt64BE(8) },
    rows: new EventRows(rows),
  };
}
