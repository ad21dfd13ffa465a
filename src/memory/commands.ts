import type { Appended, CommandEntry } from '../core/append.js';
import type { LedgerCommand } from '../core/command.js';
import { CommandIdReusedError } from '../core/errors.js';
import type { Event, Microseconds } from '../core/event.js';
import type { Tables } from './tables.js';

/** The command and its events as they stand in the log, if it was carried out before. Throws `CommandIdReusedError`. */
export function findRepeatOfCommand(
  tables: Tables,
  { commandId, bodyHash }: CommandEntry,
): { readonly command: LedgerCommand; readonly events: readonly Event[] } | undefined {
  const command = tables.commands.get(commandId);
  if (command === undefined) return undefined;
  const same = bodyHash.every((byte, index) => byte === command.bodyHash[index]);
  if (!same) throw new CommandIdReusedError(commandId);
  const { firstPosition, lastPosition } = command;
  const events =
    firstPosition === 0n ? [] : tables.log.slice(Number(firstPosition) - 1, Number(lastPosition));
  return { command: copiedCommand(command), events: events.map(({ event }) => event) };
}

/**
 * Writes the command into the ledger, with where its events stand.
 *
 * @param now when it was carried out, if there are no events
 */
export function keepCommand(
  tables: Tables,
  { bodyHash, commandId, commandType, result }: CommandEntry,
  { epoch, eventIds, firstPosition, lastPosition, recordedAt, versions }: Appended,
  now: Microseconds,
): void {
  const where = { firstPosition, lastPosition, recordedAt: recordedAt ?? now, eventIds, versions, epoch };
  tables.commands.set(commandId, copiedCommand({ commandId, commandType, bodyHash, result, ...where }));
}

/** With bytes of its own. */
export function copiedCommand(command: LedgerCommand): LedgerCommand {
  return {
    ...command,
    bodyHash: Uint8Array.from(command.bodyHash),
    result: Uint8Array.from(command.result),
  };
}

/** Empties the answers of the commands that an erased event belongs to: they may tell of what was in it. */
export function forgetResults(tables: Tables, erased: readonly Event[]): void {
  if (erased.length === 0) return;
  for (const [id, command] of tables.commands) {
    const { firstPosition, lastPosition } = command;
    if (erased.some(({ position }) => position >= firstPosition && position <= lastPosition))
      tables.commands.set(id, { ...command, result: new Uint8Array(0) });
  }
}
