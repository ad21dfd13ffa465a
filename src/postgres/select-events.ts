import type { Event } from '../core/event.js';
import { PAGE_BYTES } from '../core/limits.js';
import type { Queries } from './database.js';
import { EVENT_COLUMNS, eventFromRow, fits } from './event-row.js';
import { type EventsSought, soughtConditions } from './filter-condition.js';
import { Parameters } from './parameters.js';
import { erasurePending } from './pending-erasure.js';
import { placeClauses } from './place.js';

/** What one statement gives: matching events in an order, up to a number. */
export interface EventsQuery extends EventsSought {
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  readonly limit: number;
}

export interface EventsFound {
  readonly events: readonly Event[];
  /** Whether there may be more in the range: the limit or the page's bytes were reached. */
  readonly more: boolean;
}

/** One short statement with bound parameters; nothing is held when it is done. */
export async function selectEvents(
  database: Queries,
  schema: string,
  query: EventsQuery,
  signal?: AbortSignal,
): Promise<EventsFound> {
  const { text, values } = eventsStatement(schema, query);
  const rows = await database.query('read', text, values, { signal });
  const last = rows.at(-1);
  const cut = last !== undefined && !fits(last);
  return {
    events: (cut ? rows.slice(0, -1) : rows).map(eventFromRow),
    more: cut || rows.length >= query.limit,
  };
}

/**
 * The statement. Its text tells only the kind of the place, which fields of the filters are set, and how many filters and
 * comparisons there are; values are never part of it.
 */
export function eventsStatement(
  schema: string,
  query: EventsQuery,
): { text: string; values: readonly unknown[] } {
  const { place } = query;
  const parameters = new Parameters();
  const { from, conditions } = placeClauses(schema, place, parameters);
  const all = [...conditions, ...soughtConditions(schema, query, parameters)];
  // Within one stream, versions and positions are in the same order, and the index is on versions.
  const key = place.kind === 'VERSIONS' && place.ranges.length === 1 ? 'version' : 'position';
  const order = `${key} ${query.direction === 'FORWARDS' ? 'ASC' : 'DESC'}`;
  const limit = parameters.bigint(BigInt(query.limit));
  const bytes = parameters.bigint(BigInt(PAGE_BYTES));
  return {
    text: `
      SELECT ${EVENT_COLUMNS}
        FROM (SELECT p.*, p.bytes <= ${bytes} OR p.bytes = p.size AS fits
                FROM (SELECT s.*, sum(s.size) OVER (ORDER BY s.${order} ROWS UNBOUNDED PRECEDING) AS bytes
                        FROM (SELECT e.*, octet_length(e.data) + pg_column_size(e.metadata) + pg_column_size(e.tags)
                                          + octet_length(e.event_type) + 64 AS size,
                                     ${erasurePending(schema)} AS erasing
                                FROM ${from}
                               WHERE ${all.join(' AND ')}
                               ORDER BY e.${order}
                               LIMIT ${limit}) s) p
               WHERE p.bytes - p.size <= ${bytes}) f
       ORDER BY f.${order}`,
    values: parameters.values,
  };
}
