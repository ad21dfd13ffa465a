import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ExecuteStreamRequestSchema } from '../../gen/headwater/v1/command_service_pb.js';
import { ExpectedVersionSchema } from '../../gen/headwater/v1/expected_version_pb.js';
import type { Command, CommandData } from '../core/command.js';
import { InvalidRequestError } from '../core/errors.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { Mutable } from '../core/mutable.js';
import { BackwardWriter } from './backward-writer.js';
import { ANY_PREFIX, fromWireCommand } from './command.js';
import { readExpectedVersion } from './decode-append.js';
import { toWireExpectedVersion } from './expected-version.js';
import { type MessageReader, unusual } from './message-reader.js';
import { readNumberedEntries } from './numbered-entries.js';

// Pipelined commands, written and read by hand as pipelined appends are; decode-append.ts tells how, and what is left to the
// generated code. `npm run bench` (S6) defends it; a property test proves that both ways mean the same.

/** A command of a pipelined call, or why it is none. */
export interface NumberedCommand {
  readonly correlation: bigint;
  readonly command: Command | InvalidRequestError;
}

const writer = new BackwardWriter();

/** A command of an ExecuteStreamRequest, with tag and length in front. */
export function encodePipelinedCommand(correlation: bigint, command: Command): Buffer {
  const { aggregateId = '', commandId = '', commandType, data, expectedVersion, metadata = {} } = command;
  const whole = writer.mark();
  if (expectedVersion !== undefined) {
    const expected = writer.mark();
    writer.raw(toBinary(ExpectedVersionSchema, toWireExpectedVersion(expectedVersion)));
    writer.close(0x3a, expected);
  }
  const keys = Object.keys(metadata);
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index] ?? '';
    const entry = writer.mark();
    writer.stringAlways(0x12, metadata[key] ?? '');
    writer.stringAlways(0x0a, key);
    writer.close(0x32, entry);
  }
  const mark = writer.mark();
  if (data.kind === 'JSON') {
    writer.raw(data.bytes);
    writer.close(0x2a, mark);
  } else {
    writer.bytes(0x12, data.bytes);
    writer.stringAlways(0x0a, `${ANY_PREFIX}${data.typeName}`);
    writer.close(0x22, mark);
  }
  writer.string(0x1a, aggregateId);
  writer.string(0x12, commandType);
  writer.string(0x0a, commandId);
  writer.close(0x12, whole);
  writer.uint64(0x08, correlation);
  writer.close(0x0a, whole);
  return writer.take();
}

/**
 * The commands of an ExecuteStreamRequest, in order. Names and metadata are strings of their own, for they are kept with states.
 * JSON is a view of the bytes; a message is copied, for what is decoded from it may be a view in turn, and kept in a state.
 * Throws what protobuf-es does for bytes that are no such message.
 */
export function decodeExecuteStreamRequest(bytes: Buffer): readonly NumberedCommand[] {
  return readNumberedEntries(
    bytes,
    readCommand,
    ({ body, correlation }) => ({ correlation, command: body }),
    decodeByLibrary,
  );
}

/** The plain way. */
export function decodeByLibrary(bytes: Buffer): readonly NumberedCommand[] {
  return fromBinary(ExecuteStreamRequestSchema, bytes).commands.map(({ command, correlation }, index) => {
    try {
      if (command !== undefined) return { correlation, command: fromWireCommand(command) };
      const field = `commands[${index}].command`;
      throw new InvalidRequestError([{ field, description: 'must be set' }]);
    } catch (error) {
      if (error instanceof InvalidRequestError) return { correlation, command: error };
      throw error;
    }
  });
}

function readCommand(reader: MessageReader, end: number): Command {
  let commandId = '';
  let commandType = '';
  let aggregateId = '';
  let data: CommandData | undefined;
  const metadata: Record<string, string> = {};
  let expectedVersion: ExpectedVersion | undefined;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        commandId = reader.ownString();
        break;
      case 0x12:
        commandType = reader.ownString();
        break;
      case 0x1a:
        aggregateId = reader.ownString();
        break;
      case 0x22:
        if (data !== undefined) unusual();
        data = readMessage(reader, reader.limit());
        break;
      case 0x2a:
        if (data !== undefined) unusual();
        data = { kind: 'JSON', bytes: reader.view() };
        break;
      case 0x32:
        reader.ownEntryOf(metadata, reader.limit());
        break;
      case 0x3a:
        if (expectedVersion !== undefined) unusual();
        expectedVersion = readExpectedVersion(reader, reader.limit());
        break;
      default:
        unusual();
    }
  if (reader.at !== end || data === undefined) return unusual();
  const command: Mutable<Command> = { commandType, data, metadata };
  if (commandId !== '') command.commandId = commandId;
  if (aggregateId !== '') command.aggregateId = aggregateId;
  if (expectedVersion !== undefined) command.expectedVersion = expectedVersion;
  return command;
}

function readMessage(reader: MessageReader, end: number): CommandData {
  let typeUrl = '';
  let value: Buffer | undefined;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        typeUrl = reader.ownString();
        break;
      case 0x12:
        value = reader.view();
        break;
      default:
        unusual();
    }
  const typeName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  if (reader.at !== end || typeName === '') return unusual();
  return { kind: 'MESSAGE', typeName, bytes: value === undefined ? Buffer.alloc(0) : Buffer.from(value) };
}
