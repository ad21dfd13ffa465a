import { create } from '@bufbuild/protobuf';
import {
  type CommandEntry as WireCommandEntry,
  CommandEntrySchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { CommandEntry } from '../core/append.js';

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
