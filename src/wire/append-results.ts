import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AppendResponseSchema,
  AppendStreamResponseSchema,
  PipelinedAppendResultSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Status } from '../../gen/google/rpc/status_pb.js';
import type { Appended, AppendOutcome } from '../core/append.js';
import type { HeadwaterError } from '../core/errors.js';
import type { StreamId, StreamVersion } from '../core/stream.js';
import { fromWireAppended, toWireAppendResponse } from './append.js';
import { BackwardWriter } from './backward-writer.js';
import { toWireStatus } from './errors.js';
import { type MessageReader, unusual } from './message-reader.js';
import { readNumberedEntries } from './numbered-entries.js';
import { fromWireRefused, toWireRefused } from './refused.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

// The verdicts of pipelined appends. Those that are usual, an append that is in the log, are written and read by hand, the
// others by the generated code; see decode-append.ts for why, and for what proves that both mean the same.

/** A verdict on one request of a pipelined call, or why there is none; neither if this client does not know the answer. */
export interface AppendResult {
  readonly correlation: bigint;
  readonly verdict?: AppendOutcome;
  readonly failed?: Status;
}

const writer = new BackwardWriter();

/** A result of an AppendStreamResponse, with tag and length in front. */
export function encodeAppendResult(correlation: bigint, outcome: AppendOutcome): Buffer {
  if (outcome.outcome === 'REFUSED')
    return framed({ correlation, result: { case: 'refused', value: toWireRefused(outcome) } });
  const whole = writer.mark();
  writeAppended(outcome);
  writer.close(0x12, whole);
  writer.uint64(0x08, correlation);
  writer.close(0x0a, whole);
  return writer.take();
}

/** An AppendResponse. */
export function encodeAppendResponse(outcome: AppendOutcome): Buffer {
  if (outcome.outcome === 'REFUSED')
    return Buffer.from(toBinary(AppendResponseSchema, toWireAppendResponse(outcome)));
  const mark = writer.mark();
  writeAppended(outcome);
  writer.close(0x0a, mark);
  return writer.take();
}

/** As {@link encodeAppendResult}, of a request that failed otherwise. */
export function encodeAppendFailure(correlation: bigint, error: HeadwaterError): Buffer {
  return framed({ correlation, result: { case: 'failed', value: toWireStatus(error) } });
}

function framed(result: Parameters<typeof create<typeof PipelinedAppendResultSchema>>[1]): Buffer {
  const whole = writer.mark();
  writer.raw(toBinary(PipelinedAppendResultSchema, create(PipelinedAppendResultSchema, result)));
  writer.close(0x0a, whole);
  return writer.take();
}

function writeAppended(appended: Appended): void {
  if (appended.commandResult !== undefined) writer.bytes(0x42, appended.commandResult);
  writer.uint32(0x38, appended.deduplicated ? 1 : 0);
  writer.uint64(0x30, appended.epoch);
  if (appended.recordedAt !== undefined) {
    const mark = writer.mark();
    const { nanos, seconds } = toWireTimestamp(appended.recordedAt);
    writer.uint32(0x10, nanos);
    writer.uint64(0x08, seconds);
    writer.close(0x2a, mark);
  }
  for (let index = appended.eventIds.length - 1; index >= 0; index--)
    writer.stringAlways(0x22, appended.eventIds[index] ?? '');
  for (let index = appended.versions.length - 1; index >= 0; index--) writeVersion(appended.versions[index]);
  writer.uint64(0x10, appended.lastPosition);
  writer.uint64(0x08, appended.firstPosition);
}

function writeVersion(one: StreamVersion | undefined): void {
  if (one === undefined) return;
  const whole = writer.mark();
  writer.uint64(0x10, one.version);
  const stream = writer.mark();
  writer.string(0x12, one.stream.aggregateId);
  writer.string(0x0a, one.stream.aggregateType);
  writer.close(0x0a, stream);
  writer.close(0x1a, whole);
}

/** The results of an AppendStreamResponse. Throws what protobuf-es does for bytes that are no such message. */
export function decodeAppendStreamResponse(bytes: Buffer): readonly AppendResult[] {
  return readNumberedEntries(
    bytes,
    readAppended,
    ({ body, correlation }) => ({ correlation, verdict: body }),
    decodeByLibrary,
  );
}

/** The plain way. */
export function decodeByLibrary(bytes: Buffer): readonly AppendResult[] {
  return fromBinary(AppendStreamResponseSchema, bytes).results.map(({ correlation, result }) => {
    switch (result.case) {
      case 'appended':
        return { correlation, verdict: fromWireAppended(result.value) };
      case 'refused':
        return { correlation, verdict: fromWireRefused(result.value) };
      case 'failed':
        return { correlation, failed: result.value };
      default:
        return { correlation };
    }
  });
}

function readAppended(reader: MessageReader, end: number): Appended {
  let firstPosition = 0n;
  let lastPosition = 0n;
  const versions: StreamVersion[] = [];
  const eventIds: string[] = [];
  let recordedAt: bigint | undefined;
  let epoch = 0n;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x08:
        firstPosition = reader.uint64();
        break;
      case 0x10:
        lastPosition = reader.uint64();
        break;
      case 0x1a:
        versions.push(readVersion(reader, reader.limit()));
        break;
      case 0x22:
        eventIds.push(reader.ownString());
        break;
      case 0x2a:
        if (recordedAt !== undefined) unusual();
        recordedAt = readTime(reader, reader.limit());
        break;
      case 0x30:
        epoch = reader.uint64();
        break;
      // Repeats are rare: these, too, are for the library.
      default:
        unusual();
    }
  if (reader.at !== end) unusual();
  return {
    outcome: 'APPENDED',
    firstPosition,
    lastPosition,
    versions,
    eventIds,
    recordedAt,
    epoch,
    deduplicated: false,
  };
}

function readVersion(reader: MessageReader, end: number): StreamVersion {
  let stream: StreamId | undefined;
  let version = 0n;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        if (stream !== undefined) unusual();
        stream = reader.ownStream(reader.limit());
        break;
      case 0x10:
        version = reader.uint64();
        break;
      default:
        unusual();
    }
  if (reader.at !== end || stream === undefined) return unusual();
  return { stream, version };
}

function readTime(reader: MessageReader, end: number): bigint {
  let seconds = 0n;
  let nanos = 0;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x08:
        seconds = reader.uint64();
        break;
      case 0x10:
        nanos = reader.varint();
        break;
      default:
        unusual();
    }
  return reader.at === end ? readWireTimestamp({ seconds, nanos }) : unusual();
}
