import type { Filter, MetadataComparison, StreamPattern } from '../core/filter.js';
import type { Parameters } from './parameters.js';
import { erasurePending } from './pending-erasure.js';
import type { Place } from './place.js';
import { quotedSchema } from './schema.js';

/** What a statement looks for: matching events of a place in a range of positions. */
export interface EventsSought {
  readonly place: Place;
  /** Without time ranges: those are turned into ranges of positions before. */
  readonly filters: readonly Filter[];
  /** Above this position … */
  readonly after: bigint;
  /** … up to this one. */
  readonly to: bigint;
}

/**
 * The conditions on an event `e`: between the positions, not emptied (an erased event is still shown, as a shell), and at
 * least one filter. Put together from fixed pieces, one for each field that is set, so that the planner sees plain
 * conditions.
 */
export function soughtConditions(
  schema: string,
  sought: EventsSought,
  parameters: Parameters,
): readonly string[] {
  const conditions = [notEmptied('e')];
  // Planning takes as long as reading a short stream, so what is known already is not asked for.
  if (sought.place.kind !== 'VERSIONS' || !sought.place.within)
    conditions.push(
      `e.position > ${parameters.bigint(sought.after)}`,
      `e.position <= ${parameters.bigint(sought.to)}`,
    );
  if (sought.filters.length > 0) {
    const any = sought.filters.map((filter) => filterCondition(schema, filter, sought, parameters));
    conditions.push(any.length === 1 ? (any[0] ?? 'true') : `(${any.join(' OR ')})`);
  }
  return conditions;
}

/** That more than a shell is left of an event, or that what is left is shown. */
export function notEmptied(row: string): string {
  return `(${row}.removed IS NULL OR ${row}.removed = 'ERASED')`;
}

/** Whether the statement decides the filter; if not, it finds too many, and the matcher decides. */
export function isDecidedInSql({ metadata = [] }: Filter): boolean {
  return metadata.every(isEquality);
}

/** A key that is missing gives null, which is equal to nothing, as the matcher has it. */
function isEquality({ operator, kind = 'STRING' }: MetadataComparison): boolean {
  return kind === 'STRING' && (operator === 'EQUAL' || operator === 'IN');
}

function filterCondition(
  schema: string,
  filter: Filter,
  { place, after, to }: EventsSought,
  parameters: Parameters,
): string {
  const conditions: string[] = [];
  const { eventTypes = [], tags = [], versions, positions, metadata = [] } = filter;
  if (eventTypes.length === 1) conditions.push(`e.event_type = ${parameters.text(eventTypes[0] ?? '')}`);
  if (eventTypes.length > 1) conditions.push(`e.event_type = ANY (${parameters.texts(eventTypes)})`);
  // Within streams the rows are at hand; the index on tags would be walked for all other streams as well.
  const byIndex = tags.length > 0 && place.kind !== 'VERSIONS';
  if (byIndex)
    conditions.push(
      `e.position IN (SELECT t.position FROM ${quotedSchema(schema)}.event_tags t
                       WHERE t.tag = ${parameters.text(tags[0] ?? '')}
                         AND t.position > ${parameters.bigint(after)}
                         AND t.position <= ${parameters.bigint(to)})`,
    );
  if (tags.length > (byIndex ? 1 : 0)) conditions.push(`e.tags @> ${parameters.texts(tags)}`);
  for (const [column, range] of [
    ['version', versions],
    ['position', positions],
  ] as const) {
    if (range?.first !== undefined) conditions.push(`e.${column} >= ${parameters.bigint(range.first)}`);
    if (range?.last !== undefined) conditions.push(`e.${column} <= ${parameters.bigint(range.last)}`);
  }
  for (const { key, values } of metadata.filter(isEquality))
    conditions.push(
      `(e.metadata ->> ${parameters.text(key)}) COLLATE "C" = ANY (${parameters.texts(values)})`,
    );
  if (filter.streams?.length) conditions.push(streamsCondition('e', filter.streams, parameters));
  if (filter.only) conditions.push(streamsCondition('e', filter.only, parameters));
  // Of an event that an erasure has yet to come to, only the shell is found, which has neither.
  if (tags.length > 0 || metadata.some(isEquality)) conditions.push(`NOT (${erasurePending(schema)})`);
  return conditions.length === 0 ? 'true' : `(${conditions.join(' AND ')})`;
}

/** That one of the patterns names the stream of the row. However many patterns there are, the text is the same. No name is empty, so an empty one is none. */
export function streamsCondition(
  row: string,
  patterns: readonly StreamPattern[],
  parameters: Parameters,
): string {
  const whole = patterns.filter(isWholeType);
  const others = patterns.filter((pattern) => !isWholeType(pattern));
  const any: string[] = [];
  const texts = (of: readonly StreamPattern[], key: keyof StreamPattern) =>
    parameters.texts(of.map((pattern) => pattern[key] ?? ''));
  if (whole.length > 0) any.push(`${row}.aggregate_type = ANY (${texts(whole, 'aggregateType')})`);
  if (others.length > 0)
    any.push(`EXISTS (SELECT FROM unnest(${texts(others, 'aggregateType')}, ${texts(others, 'aggregateId')},
                                         ${texts(others, 'aggregateIdPrefix')}) n (type, id, prefix)
                       WHERE n.type IN ('', ${row}.aggregate_type) AND n.id IN ('', ${row}.aggregate_id)
                         AND starts_with(${row}.aggregate_id, n.prefix))`);
  return any.length === 0 ? 'false' : `(${any.join(' OR ')})`;
}

/** The usual one, and the cheapest to look for. */
function isWholeType({ aggregateType, aggregateId, aggregateIdPrefix }: StreamPattern): boolean {
  return aggregateType !== undefined && aggregateId === undefined && aggregateIdPrefix === undefined;
}
