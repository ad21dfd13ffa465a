import type { LedgerCommand } from '../core/command.js';
import type { Database } from './database.js';
import { type FoundCommand, whereFound } from './found-append.js';
import { quotedSchema } from './schema.js';

/** A command of the ledger, as far as it is committed. */
export async function findCommand(
  database: Database,
  schema: string,
  commandId: string,
  signal?: AbortSignal,
): Promise<LedgerCommand | undefined> {
  const quoted = quotedSchema(schema);
  const [row] = await database.query(
    'read',
    // Whatever its body was.
    `SELECT ${quoted}.find_command($1, NULL), epoch FROM ${quoted}.log_head`,
    [commandId],
    { signal },
  );
  const [text, epoch] = row ?? [];
  if (text === null || text === undefined) return undefined;
  const found = JSON.parse(text) as FoundCommand;
  return {
    commandId,
    commandType: found.command_type,
    bodyHash: Buffer.from(found.body_hash, 'hex'),
    result: Buffer.from(found.result, 'hex'),
    ...whereFound(found),
    recordedAt: BigInt(found.recorded_at),
    eventIds: found.event_ids,
    epoch: BigInt(epoch ?? 0),
  };
}
