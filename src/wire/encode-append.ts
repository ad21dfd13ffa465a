import type { AppendCondition, AppendRequest, CommandEntry, StreamAppend } from '../core/append.js';
import type { NewEvent } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import { BackwardWriter } from './backward-writer.js';

// The client's half of the hot path of appends, and so written by hand: without a message object per request, stream and
// event. `npm run bench` (S1) defends it; a property test proves that the bytes are those of `toWireAppendRequest`.

const writer = new BackwardWriter();

/** A request of an AppendStreamRequest, with tag and length in front. */
export function encodePipelinedAppend(correlation: bigint, request: AppendRequest): Buffer {
  const whole = writer.mark();
  const mark = writer.mark();
  writer.uint32(0x28, request.interveningBytes ?? 0);
  writer.uint32(0x20, request.onConflict === 'RETURN' ? 2 : 1);
  if (request.command !== undefined) writeCommand(request.command);
  if (request.condition !== undefined) writeCondition(request.condition);
  for (let index = request.streams.length - 1; index >= 0; index--) writeEntry(request.streams[index]);
  writer.close(0x12, mark);
  writer.uint64(0x08, correlation);
  writer.close(0x0a, whole);
  return writer.take();
}

function writeEntry(entry: StreamAppend | undefined): void {
  if (entry === undefined) return;
  const whole = writer.mark();
  for (let index = entry.events.length - 1; index >= 0; index--) writeEvent(entry.events[index]);
  const expected = writer.mark();
  writeExpectedVersion(entry.expectedVersion);
  writer.close(0x12, expected);
  const stream = writer.mark();
  writer.string(0x12, entry.stream.aggregateId);
  writer.string(0x0a, entry.stream.aggregateType);
  writer.close(0x0a, stream);
  writer.close(0x0a, whole);
}

function writeExpectedVersion(expected: ExpectedVersion): void {
  switch (expected) {
    case 'NO_STREAM':
      return writeEmpty(0x12);
    case 'STREAM_EXISTS':
      return writeEmpty(0x1a);
    case 'ANY':
      return writeEmpty(0x22);
    default:
      return writer.uint64Always(0x08, expected);
  }
}

function writeEmpty(tag: number): void {
  writer.byte(0);
  writer.byte(tag);
}

function writeEvent(event: NewEvent | undefined): void {
  if (event === undefined) return;
  const whole = writer.mark();
  writer.uint32(0x38, event.schemaVersion ?? 0);
  const tags = event.tags ?? [];
  for (let index = tags.length - 1; index >= 0; index--) writer.stringAlways(0x32, tags[index] ?? '');
  if (event.metadata !== undefined) {
    const keys = Object.keys(event.metadata);
    for (let index = keys.length - 1; index >= 0; index--) {
      const key = keys[index] ?? '';
      const entry = writer.mark();
      writer.stringAlways(0x12, event.metadata[key] ?? '');
      writer.stringAlways(0x0a, key);
      writer.close(0x2a, entry);
    }
  }
  writer.string(0x22, event.contentType ?? '');
  writer.bytes(0x1a, event.data);
  writer.string(0x12, event.eventType);
  writer.string(0x0a, event.eventId ?? '');
  writer.close(0x1a, whole);
}

function writeCondition({ items, after }: AppendCondition): void {
  const whole = writer.mark();
  if (after !== undefined) {
    const mark = writer.mark();
    writer.uint64(0x10, after.epoch ?? 0n);
    writer.uint64(0x08, after.position);
    writer.close(0x12, mark);
  }
  for (const { eventTypes = [], tags = [] } of [...items].reverse()) {
    const mark = writer.mark();
    for (const tag of [...tags].reverse()) writer.stringAlways(0x12, tag);
    for (const type of [...eventTypes].reverse()) writer.stringAlways(0x0a, type);
    writer.close(0x0a, mark);
  }
  writer.close(0x12, whole);
}

function writeCommand({ commandId, commandType, bodyHash, result }: CommandEntry): void {
  const whole = writer.mark();
  writer.bytes(0x22, result);
  writer.bytes(0x1a, bodyHash);
  writer.string(0x12, commandType);
  writer.string(0x0a, commandId);
  writer.close(0x1a, whole);
}
