import type { Queries } from './database.js';
import { type EventsSought, soughtConditions } from './filter-condition.js';
import { Parameters } from './parameters.js';
import { placeClauses } from './place.js';

/** How many events match; all filters are decided in SQL. */
export async function countEvents(
  database: Queries,
  schema: string,
  sought: EventsSought,
  signal?: AbortSignal,
): Promise<bigint> {
  const { text, values } = countStatement(schema, sought);
  const [row] = await database.query('read', text, values, { signal });
  return BigInt(row?.[0] ?? 0);
}

/** The statement; its text has no values in it, like that of `eventsStatement`. */
export function countStatement(
  schema: string,
  sought: EventsSought,
): { text: string; values: readonly unknown[] } {
  const parameters = new Parameters();
  const { from, conditions } = placeClauses(schema, sought.place, parameters);
  const all = [...conditions, ...soughtConditions(schema, sought, parameters)];
  return { text: `SELECT count(*) FROM ${from} WHERE ${all.join(' AND ')}`, values: parameters.values };
}
