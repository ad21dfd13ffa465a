import type { AppendCondition } from '../core/append.js';
import type { Database } from './database.js';
import { arrayLiteral } from './prepared-append.js';
import { quotedSchema } from './schema.js';

/** Up to where a condition was found to hold, and in which epoch that was. */
export interface ConditionChecked {
  readonly position: bigint;
  readonly epoch: bigint;
}

/**
 * Looks beforehand, without the log's lock, whether an event breaks the condition, so that under the lock only what came
 * since has to be looked through. Gives the position up to which it holds: that of the head, or just in front of the
 * first event that breaks it. Nothing is decided here: a repeat of an earlier append is broken by its own events.
 */
export async function checkCondition(
  database: Database,
  schema: string,
  condition: AppendCondition,
  signal?: AbortSignal,
): Promise<ConditionChecked> {
  const quoted = quotedSchema(schema);
  const after = condition.after?.position ?? 0n;
  const [row] = await database.query(
    'read',
    `SELECT greatest(h.position, $3::bigint), h.epoch,
            (SELECT min(${quoted}.first_match(i.types::text[], i.tags::text[], $3::bigint))
               FROM unnest($1::text[], $2::text[]) i (types, tags))
       FROM (SELECT * FROM ${quoted}.log_head ORDER BY position DESC LIMIT 1) h`,
    [
      condition.items.map(({ eventTypes = [] }) => arrayLiteral(eventTypes)),
      condition.items.map(({ tags = [] }) => arrayLiteral(tags)),
      String(after),
    ],
    { signal },
  );
  const [head, epoch, matching] = row ?? [];
  // The statement has one snapshot: nothing at or below its head can appear later.
  return {
    position: matching == null ? BigInt(head ?? after) : BigInt(matching) - 1n,
    epoch: BigInt(epoch ?? 0),
  };
}
