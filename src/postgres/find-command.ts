import type { LedgerCommand } from '../core/command.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';

/** A command of the ledger, as far as it is committed. */
export async function findCommand(
  database: Database,
  schema: string,
  commandId: string,
  signal?: AbortSignal,
): Promise<LedgerCommand | undefined> {
  const [row] = await database.query(
    'read',
    `SELECT command_type, encode(body_hash, 'hex'), encode(result, 'hex'), first_position, last_position,
            (date_part('epoch', recorded_at) * 1000000)::bigint
       FROM ${quotedSchema(schema)}.commands WHERE command_id = $1`,
    [commandId],
    { signal },
  );
  if (row === undefined) return undefined;
  const [commandType, bodyHash, result, firstPosition, lastPosition, recordedAt] = row;
  return {
    commandId,
    commandType: commandType ?? '',
    bodyHash: Buffer.from(bodyHash ?? '', 'hex'),
    result: Buffer.from(result ?? '', 'hex'),
    firstPosition: BigInt(firstPosition ?? 0),
    lastPosition: BigInt(lastPosition ?? 0),
    recordedAt: BigInt(recordedAt ?? 0),
  };
}
