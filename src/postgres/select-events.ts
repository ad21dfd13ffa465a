import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import { eventColumns, EventRows, NO_ROWS } from './event-rows.js';
import { type EventsSought, soughtConditions } from './filter-condition.js';
import { Parameters } from './parameters.js';
import { erasurePending } from './pending-erasure.js';
import { placeClauses } from './place.js';

/** What one statement gives: matching events in an order, up to a number. */
export interface EventsQuery extends EventsSought {
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  readonly limit: number;
  /**
   * How it keeps to the bytes of a page. `EACH`: stops at the first event that has more than its share of them, which costs
   * nothing, and where all are small is enough. `SUM`: adds them up, which takes the server half as long again.
   * @default "EACH"
   */
  readonly measure?: 'EACH' | 'SUM';
}

export interface EventsFound {
  readonly rows: EventRows;
  /** Whether there may be more in the range: these are not the last of the statement, or its limit or bytes were reached. */
  readonly more: boolean;
}

export const NOTHING_FOUND: EventsFound = {
  rows: new EventRows(NO_ROWS),
  more: false,
};

/**
 * The statement. Its text tells only the kind of the place, which fields of the filters are set, how many filters and
 * comparisons there are, and how bytes are measured; values are never part of it. Where nothing is filtered there are few
 * texts, and `prepared` is set: to parse and plan one takes three times as long as to read ten events by it.
 */
export function eventsStatement(
  schema: string,
  query: EventsQuery,
): { text: string; values: readonly unknown[]; prepared: string | undefined } {
  const { place } = query;
  const prepared = query.filters.length === 0 ? 'load' : undefined;
  const parameters = new Parameters();
  const { from, conditions } = placeClauses(schema, place, parameters);
  const all = [...conditions, ...soughtConditions(schema, query, parameters)].join(' AND ');
  // Within one stream, versions and positions are in the same order, and the index is on versions.
  const key = place.kind === 'VERSIONS' && place.ranges.length === 1 ? 'version' : 'position';
  const order = `${key} ${query.direction === 'FORWARDS' ? 'ASC' : 'DESC'}`;
  const limit = parameters.bigint(BigInt(query.limit));
  const erased = `(e.removed IS NOT NULL OR ${erasurePending(schema)})`;
  if (query.measure !== 'SUM') {
    const fits = eventFits('e', query.limit, parameters);
    return {
      text: `
      SELECT ${eventColumns('e', fits, erased)}
        FROM ${from}
       WHERE ${all}
       ORDER BY e.${order}
       LIMIT ${limit}`,
      values: parameters.values,
      prepared,
    };
  }
  const bytes = parameters.bigint(BigInt(PAGE_BYTES));
  return {
    text: `
      SELECT ${eventColumns('f', 'f.fits', 'f.erased')}
        FROM (SELECT p.*, p.bytes <= ${bytes} OR p.bytes = p.size AS fits
                FROM (SELECT s.*, sum(s.size) OVER (ORDER BY s.${order} ROWS UNBOUNDED PRECEDING) AS bytes
                        FROM (SELECT e.*, ${eventSize('e')} AS size, ${erased} AS erased
                                FROM ${from}
                               WHERE ${all}
                               ORDER BY e.${order}
                               LIMIT ${limit}) s) p
               WHERE p.bytes - p.size <= ${bytes}) f
       ORDER BY f.${order}`,
    values: parameters.values,
    prepared,
  };
}

/** Whether an event has no more than its share of a page's bytes, where the page may have so many events. */
export function eventFits(row: string, events: number, parameters: Parameters): string {
  const share = Math.floor(PAGE_BYTES / Math.min(events, PAGE_EVENTS));
  return `${eventSize(row)} <= ${parameters.bigint(BigInt(share))}`;
}

function eventSize(row: string): string {
  return `octet_length(${row}.data) + pg_column_size(${row}.metadata) + pg_column_size(${row}.tags)
              + octet_length(${row}.event_type) + 64`;
}
