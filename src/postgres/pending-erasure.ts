import { quotedSchema } from './schema.js';

/**
 * Whether an event `e` is erased, by an erasure of its stream that is committed and has yet to come to it. Where no erasure
 * is pending, which is found out once a statement, an event costs no more than looking at that.
 */
export function erasurePending(schema: string): string {
  const streams = `${quotedSchema(schema)}.streams`;
  return `(coalesce((SELECT true FROM ${streams} p WHERE p.erase_from < p.erase_before ORDER BY p.erase_before LIMIT 1), false)
           AND left(e.event_type, 1) <> '$'
           AND EXISTS (SELECT FROM ${streams} p
                        WHERE p.aggregate_type = e.aggregate_type AND p.aggregate_id = e.aggregate_id
                          AND p.erase_from <= e.version AND e.version < p.erase_before))`;
}
