import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ExecuteStreamResponseSchema,
  PipelinedCommandResultSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { Status } from '../../gen/google/rpc/status_pb.js';
import type { Executed } from '../core/command.js';
import type { HeadwaterError } from '../core/errors.js';
import type { StreamId } from '../core/stream.js';
import { BackwardWriter } from './backward-writer.js';
import { fromWireExecuted } from './command.js';
import { toWireStatus } from './errors.js';
import { type MessageReader, unusual } from './message-reader.js';
import { readNumberedEntries } from './numbered-entries.js';

// The answers to pipelined commands, the half of pipelined-command.ts that goes back. What is executed is written and read by
// hand, what failed by the generated code.

/** The answer to one command of a pipelined call; neither if this client does not know it. */
export interface CommandResult {
  readonly correlation: bigint;
  readonly verdict?: Executed;
  readonly failed?: Status;
}

const writer = new BackwardWriter();

/** A result of an ExecuteStreamResponse, with tag and length in front. */
export function encodeCommandResult(correlation: bigint, executed: Executed): Buffer {
  const whole = writer.mark();
  writer.uint32(0x38, executed.deduplicated ? 1 : 0);
  for (let index = executed.eventIds.length - 1; index >= 0; index--)
    writer.stringAlways(0x32, executed.eventIds[index] ?? '');
  writer.string(0x2a, executed.commandId);
  writer.uint64(0x20, executed.epoch);
  writer.uint64(0x18, executed.position);
  writer.uint64(0x10, executed.version);
  const aggregate = writer.mark();
  writer.string(0x12, executed.aggregate.aggregateId);
  writer.string(0x0a, executed.aggregate.aggregateType);
  writer.close(0x0a, aggregate);
  writer.close(0x12, whole);
  writer.uint64(0x08, correlation);
  writer.close(0x0a, whole);
  return writer.take();
}

/** As {@link encodeCommandResult}, of a command that failed. */
export function encodeCommandFailure(correlation: bigint, error: HeadwaterError): Buffer {
  const whole = writer.mark();
  const result = { case: 'failed', value: toWireStatus(error) } as const;
  writer.raw(
    toBinary(PipelinedCommandResultSchema, create(PipelinedCommandResultSchema, { correlation, result })),
  );
  writer.close(0x0a, whole);
  return writer.take();
}

/** The results of an ExecuteStreamResponse. Throws what protobuf-es does for bytes that are no such message. */
export function decodeExecuteStreamResponse(bytes: Buffer): readonly CommandResult[] {
  return readNumberedEntries(
    bytes,
    readExecuted,
    ({ body, correlation }) => ({ correlation, verdict: body }),
    decodeByLibrary,
  );
}

/** The plain way. */
export function decodeByLibrary(bytes: Buffer): readonly CommandResult[] {
  return fromBinary(ExecuteStreamResponseSchema, bytes).results.map(({ correlation, result }) => {
    switch (result.case) {
      case 'executed':
        return { correlation, verdict: fromWireExecuted(result.value) };
      case 'failed':
        return { correlation, failed: result.value };
      default:
        return { correlation };
    }
  });
}

function readExecuted(reader: MessageReader, end: number): Executed {
  let aggregate: StreamId | undefined;
  let version = 0n;
  let position = 0n;
  let epoch = 0n;
  let commandId = '';
  const eventIds: string[] = [];
  let deduplicated = 0;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        if (aggregate !== undefined) unusual();
        aggregate = reader.ownStream(reader.limit());
        break;
      case 0x10:
        version = reader.uint64();
        break;
      case 0x18:
        position = reader.uint64();
        break;
      case 0x20:
        epoch = reader.uint64();
        break;
      case 0x2a:
        commandId = reader.ownString();
        break;
      case 0x32:
        eventIds.push(reader.ownString());
        break;
      case 0x38:
        deduplicated = reader.varint();
        break;
      default:
        unusual();
    }
  if (reader.at !== end || aggregate === undefined || deduplicated > 1) return unusual();
  return { aggregate, version, position, epoch, commandId, eventIds, deduplicated: deduplicated === 1 };
}
