import type { Event } from '../core/event.js';
import type { Filter, Scope } from '../core/filter.js';
import { MAX_BIGINT, PAGE_BYTES } from '../core/limits.js';
import type { Database } from './database.js';
import { EVENT_COLUMNS, eventFromRow, fits } from './event-row.js';
import { quotedSchema } from './schema.js';

/** What one statement looks for: matching events in a range of positions, up to a number. */
export interface EventsQuery {
  readonly scope: Scope;
  /** Without time ranges: those are turned into ranges of positions before. */
  readonly filters: readonly Filter[];
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  /** Above this position … */
  readonly after: bigint;
  /** … up to this one. */
  readonly to: bigint;
  /** Of a one-stream scope: where the page before ended, so that the index need not be walked again from its start. */
  readonly beyondVersion?: bigint | undefined;
  readonly limit: number;
}

export interface EventsFound {
  readonly events: readonly Event[];
  /** Whether there may be more in the range: the limit or the page's bytes were reached. */
  readonly more: boolean;
}

/**
 * One short statement with bound parameters; nothing is held when it is done. Its text is put together from fixed pieces,
 * one for each field that is set, so that the planner sees plain conditions; values are never part of it.
 */
export async function selectEvents(
  database: Database,
  schema: string,
  query: EventsQuery,
  signal?: AbortSignal,
): Promise<EventsFound> {
  const { text, values } = statement(schema, query);
  const rows = await database.query('read', text, values, { signal });
  const last = rows.at(-1);
  const cut = last !== undefined && !fits(last);
  return {
    events: (cut ? rows.slice(0, -1) : rows).map(eventFromRow),
    more: cut || rows.length >= query.limit,
  };
}

function statement(schema: string, query: EventsQuery): { text: string; values: readonly unknown[] } {
  const parameters = new Parameters();
  const forwards = query.direction === 'FORWARDS';
  const conditions = [
    `e.position > ${parameters.add(query.after, 'bigint')}`,
    `e.position <= ${parameters.add(query.to, 'bigint')}`,
    ...scopeConditions(schema, query.scope, parameters),
  ];
  if (query.beyondVersion !== undefined)
    conditions.push(`e.version ${forwards ? '>' : '<'} ${parameters.add(query.beyondVersion, 'bigint')}`);
  if (query.filters.length > 0) {
    const any = query.filters.map((filter) => filterCondition(schema, filter, query, parameters));
    conditions.push(any.length === 1 ? (any[0] ?? 'true') : `(${any.join(' OR ')})`);
  }
  // Within one stream, versions and positions are in the same order, and the index is on versions.
  const key = query.scope.kind === 'STREAM' ? 'version' : 'position';
  const order = `${key} ${forwards ? 'ASC' : 'DESC'}`;
  const limit = parameters.add(BigInt(query.limit), 'bigint');
  const bytes = parameters.add(BigInt(PAGE_BYTES), 'bigint');
  return {
    text: `
      SELECT ${EVENT_COLUMNS}
        FROM (SELECT p.*, p.bytes <= ${bytes} OR p.bytes = p.size AS fits
                FROM (SELECT s.*, sum(s.size) OVER (ORDER BY s.${order} ROWS UNBOUNDED PRECEDING) AS bytes
                        FROM (SELECT e.*, octet_length(e.data) + pg_column_size(e.metadata) + pg_column_size(e.tags)
                                          + octet_length(e.event_type) + 64 AS size
                                FROM ${quotedSchema(schema)}.events e
                               WHERE ${conditions.join(' AND ')}
                               ORDER BY e.${order}
                               LIMIT ${limit}) s) p
               WHERE p.bytes - p.size <= ${bytes}) f
       ORDER BY f.${order}`,
    values: parameters.values,
  };
}

/** Gives each value its `$n`. */
class Parameters {
  readonly values: unknown[] = [];

  add(value: bigint | string | readonly string[], type: 'bigint' | 'text' | 'text[]'): string {
    this.values.push(typeof value === 'bigint' ? String(value) : value);
    return `$${this.values.length}::${type}`;
  }
}

function scopeConditions(schema: string, scope: Scope, parameters: Parameters): readonly string[] {
  switch (scope.kind) {
    case 'LOG':
      return [];
    case 'STREAM':
      return [
        `e.aggregate_type = ${parameters.add(scope.stream.aggregateType, 'text')}`,
        `e.aggregate_id = ${parameters.add(scope.stream.aggregateId, 'text')}`,
      ];
    case 'STREAMS': {
      const types = parameters.add(
        scope.streams.map(({ aggregateType }) => aggregateType),
        'text[]',
      );
      const ids = parameters.add(
        scope.streams.map(({ aggregateId }) => aggregateId),
        'text[]',
      );
      return [
        `e.position IN (SELECT o.position FROM unnest(${types}, ${ids}) n (aggregate_type, aggregate_id)
                          JOIN ${quotedSchema(schema)}.events o
                            ON o.aggregate_type = n.aggregate_type AND o.aggregate_id = n.aggregate_id)`,
      ];
    }
    case 'AGGREGATE_TYPES':
      return scope.aggregateTypes.length === 1
        ? [`e.aggregate_type = ${parameters.add(scope.aggregateTypes[0] ?? '', 'text')}`]
        : [`e.aggregate_type = ANY (${parameters.add(scope.aggregateTypes, 'text[]')})`];
  }
}

function filterCondition(schema: string, filter: Filter, query: EventsQuery, parameters: Parameters): string {
  const conditions: string[] = [];
  const { eventTypes = [], tags = [], versions, positions } = filter;
  if (eventTypes.length === 1)
    conditions.push(`e.event_type = ${parameters.add(eventTypes[0] ?? '', 'text')}`);
  if (eventTypes.length > 1) conditions.push(`e.event_type = ANY (${parameters.add(eventTypes, 'text[]')})`);
  if (tags.length > 0)
    conditions.push(
      `e.position IN (SELECT t.position FROM ${quotedSchema(schema)}.event_tags t
                       WHERE t.tag = ${parameters.add(tags[0] ?? '', 'text')}
                         AND t.position > ${parameters.add(query.after, 'bigint')}
                         AND t.position <= ${parameters.add(query.to, 'bigint')})`,
    );
  if (tags.length > 1) conditions.push(`e.tags @> ${parameters.add(tags, 'text[]')}`);
  for (const [column, range] of [
    ['version', versions],
    ['position', positions],
  ] as const) {
    if (range?.first !== undefined)
      conditions.push(`e.${column} >= ${parameters.add(clamp(range.first), 'bigint')}`);
    if (range?.last !== undefined)
      conditions.push(`e.${column} <= ${parameters.add(clamp(range.last), 'bigint')}`);
  }
  return conditions.length === 0 ? 'true' : `(${conditions.join(' AND ')})`;
}

function clamp(value: bigint): bigint {
  return value > MAX_BIGINT ? MAX_BIGINT : value;
}
