import type { Microseconds } from '../core/event.js';
import type { Queries } from './database.js';
import { quotedSchema } from './schema.js';

// What a timestamptz can hold is more than what the wire can say: the years 1 to 9999.
const FIRST = -62_135_596_800_000_000n;
const LAST = 253_402_300_799_999_999n;

/** The position of the last event recorded before that time; 0 if there is none. */
export async function positionBefore(
  database: Queries,
  schema: string,
  time: Microseconds,
  signal?: AbortSignal,
): Promise<bigint> {
  const moment = time < FIRST ? FIRST : time > LAST ? LAST : time;
  const [row] = await database.query(
    'read',
    `SELECT ${quotedSchema(schema)}.position_before(timestamptz 'epoch' + $1::bigint * interval '1 microsecond')`,
    [String(moment)],
    { signal },
  );
  return BigInt(row?.[0] ?? 0);
}
