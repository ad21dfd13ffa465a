import { create } from '@bufbuild/protobuf';
import {
  type CommandEntry as WireCommandEntry,
  CommandEntrySchema,
  type FindCommandRequest,
  FindCommandRequestSchema,
  type FindCommandResponse,
  FindCommandResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { CommandEntry } from '../core/append.js';
import type { LedgerCommand } from '../core/command.js';
import { readWireStreamVersion, toWireStreamVersion } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireCommandEntry(entry: CommandEntry): WireCommandEntry {
  return create(CommandEntrySchema, {
    commandId: entry.commandId,
    commandType: entry.commandType,
    bodyHash: entry.bodyHash,
    result: entry.result,
  });
}

/** The entry, its bytes copied; its limits are looked at by the store. */
export function fromWireCommandEntry(entry: WireCommandEntry): CommandEntry {
  return {
    commandId: entry.commandId,
    commandType: entry.commandType,
    bodyHash: Buffer.from(entry.bodyHash),
    result: Buffer.from(entry.result),
  };
}

export function toWireFindCommandRequest(commandId: string): FindCommandRequest {
  return create(FindCommandRequestSchema, { commandId });
}

export function fromWireFindCommandRequest({ commandId }: FindCommandRequest): string {
  return commandId;
}

export function toWireFindCommandResponse(command: LedgerCommand | undefined): FindCommandResponse {
  if (command === undefined) return create(FindCommandResponseSchema);
  return create(FindCommandResponseSchema, {
    command: {
      ...command,
      recordedAt: toWireTimestamp(command.recordedAt),
      eventIds: [...command.eventIds],
      versions: command.versions.map(toWireStreamVersion),
    },
  });
}

export function fromWireFindCommandResponse({ command }: FindCommandResponse): LedgerCommand | undefined {
  return (
    command && {
      commandId: command.commandId,
      commandType: command.commandType,
      bodyHash: new Uint8Array(command.bodyHash),
      result: new Uint8Array(command.result),
      firstPosition: command.firstPosition,
      lastPosition: command.lastPosition,
      recordedAt: command.recordedAt ? readWireTimestamp(command.recordedAt) : 0n,
      eventIds: command.eventIds,
      versions: command.versions.map(readWireStreamVersion),
      epoch: command.epoch,
    }
  );
}
