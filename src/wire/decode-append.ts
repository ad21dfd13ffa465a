import { fromBinary } from '@bufbuild/protobuf';
import {
  type AppendRequest as WireAppendRequest,
  AppendRequestSchema,
  AppendStreamRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type {
  AppendCondition,
  AppendRequest,
  CommandEntry,
  ConditionItem,
  StreamAppend,
} from '../core/append.js';
import { InvalidRequestError } from '../core/errors.js';
import type { NewEvent } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { Mutable } from '../core/mutable.js';
import type { StreamId } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import { fromWireAppendRequest } from './append.js';
import { MessageReader, unusual, UnusualBytesError } from './message-reader.js';
import { readNumberedEntries } from './numbered-entries.js';

// The service's half of the hot path of appends, and so written by hand: what the usual encoders write is read straight into
// the requests of the store. Whatever else comes, wrong or only odd, is left to the generated code and
// `fromWireAppendRequest`, so there is one place that says what is wrong. `npm run bench` (S1) defends it; a property test
// proves that both ways mean the same.

const NOTHING = Buffer.alloc(0);

/** A request of a pipelined call, or why it is none. */
export interface NumberedAppend {
  readonly correlation: bigint;
  readonly append: WireAppend | InvalidRequestError;
}

/** An append whose refusal is answered as the request asks. */
export type WireAppend = AppendRequest & { readonly onConflict: 'THROW' | 'RETURN' };

/**
 * The requests of an AppendStreamRequest, in order; data are views of the bytes. Throws what protobuf-es does for bytes that
 * are no such message.
 */
export function decodeAppendStreamRequest(bytes: Buffer): readonly NumberedAppend[] {
  return readNumberedEntries(
    bytes,
    readAppend,
    ({ body, correlation }) => ({ correlation, append: body }),
    decodeByLibrary,
  );
}

/** As {@link decodeAppendStreamRequest}, of an AppendRequest. */
export function decodeAppendRequest(bytes: Buffer): WireAppend | InvalidRequestError {
  try {
    return readAppend(new MessageReader(bytes), bytes.byteLength);
  } catch (error) {
    if (error instanceof UnusualBytesError) return plainly(fromBinary(AppendRequestSchema, bytes));
    throw error;
  }
}

function plainly(append: WireAppendRequest): WireAppend | InvalidRequestError {
  try {
    return fromWireAppendRequest(append);
  } catch (error) {
    if (error instanceof InvalidRequestError) return error;
    throw error;
  }
}

/** The plain way. */
export function decodeByLibrary(bytes: Buffer): readonly NumberedAppend[] {
  const { requests } = fromBinary(AppendStreamRequestSchema, bytes);
  return requests.map(({ append, correlation }, index) => {
    if (append === undefined) {
      const field = `requests[${index}].append`;
      return { correlation, append: new InvalidRequestError([{ field, description: 'must be set' }]) };
    }
    return { correlation, append: plainly(append) };
  });
}

function readAppend(reader: MessageReader, end: number): WireAppend {
  const streams: StreamAppend[] = [];
  let condition: AppendCondition | undefined;
  let command: CommandEntry | undefined;
  let onConflict = 0;
  let interveningBytes = 0;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        streams.push(readEntry(reader, reader.limit()));
        break;
      case 0x12:
        if (condition !== undefined) unusual();
        condition = readCondition(reader, reader.limit());
        break;
      case 0x1a:
        if (command !== undefined) unusual();
        command = readCommand(reader, reader.limit());
        break;
      case 0x20:
        onConflict = reader.varint();
        break;
      case 0x28:
        interveningBytes = reader.uint32();
        break;
      default:
        unusual();
    }
  if (reader.at !== end || onConflict > 2) unusual();
  const append: Mutable<WireAppend> = { streams, onConflict: onConflict === 2 ? 'RETURN' : 'THROW' };
  if (condition !== undefined) append.condition = condition;
  if (command !== undefined) append.command = command;
  if (interveningBytes !== 0) append.interveningBytes = interveningBytes;
  return append;
}

function readEntry(reader: MessageReader, end: number): StreamAppend {
  let stream: StreamId | undefined;
  let expectedVersion: ExpectedVersion | undefined;
  const events: NewEvent[] = [];
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        if (stream !== undefined) unusual();
        stream = reader.stream(reader.limit());
        break;
      case 0x12:
        if (expectedVersion !== undefined) unusual();
        expectedVersion = readExpectedVersion(reader, reader.limit());
        break;
      case 0x1a:
        events.push(readEvent(reader, reader.limit()));
        break;
      default:
        unusual();
    }
  if (reader.at !== end || stream === undefined || expectedVersion === undefined) return unusual();
  return { stream, expectedVersion, events };
}

/** Of a choice, one is set, and what is chosen without a value has none. */
export function readExpectedVersion(reader: MessageReader, end: number): ExpectedVersion {
  let expected: ExpectedVersion;
  switch (reader.tag()) {
    case 0x08:
      expected = reader.uint64();
      break;
    case 0x12:
      expected = readEmpty(reader, 'NO_STREAM');
      break;
    case 0x1a:
      expected = readEmpty(reader, 'STREAM_EXISTS');
      break;
    case 0x22:
      expected = readEmpty(reader, 'ANY');
      break;
    default:
      return unusual();
  }
  return reader.at === end ? expected : unusual();
}

function readEmpty(reader: MessageReader, expected: ExpectedVersion): ExpectedVersion {
  return reader.varint() === 0 ? expected : unusual();
}

function readEvent(reader: MessageReader, end: number): NewEvent {
  let eventId = '';
  let eventType = '';
  let data: Buffer | undefined;
  let contentType = '';
  const metadata: Record<string, string> = {};
  const tags: string[] = [];
  let schemaVersion = 0;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        eventId = reader.string();
        break;
      case 0x12:
        eventType = reader.string();
        break;
      case 0x1a:
        data = reader.view();
        break;
      case 0x22:
        contentType = reader.string();
        break;
      case 0x2a:
        reader.entryOf(metadata, reader.limit());
        break;
      case 0x32:
        tags.push(reader.string());
        break;
      case 0x38:
        schemaVersion = reader.uint32();
        break;
      default:
        unusual();
    }
  if (reader.at !== end) unusual();
  const event: Mutable<NewEvent> = { eventType, data: data ?? NOTHING, metadata, tags };
  if (eventId !== '') event.eventId = eventId;
  if (contentType !== '') event.contentType = contentType;
  if (schemaVersion !== 0) event.schemaVersion = schemaVersion;
  return event;
}

function readCondition(reader: MessageReader, end: number): AppendCondition {
  const items: ConditionItem[] = [];
  let after: LogPosition | undefined;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        items.push(readItem(reader, reader.limit()));
        break;
      case 0x12:
        if (after !== undefined) unusual();
        after = readPosition(reader, reader.limit());
        break;
      default:
        unusual();
    }
  return reader.at === end ? { items, ...(after === undefined ? undefined : { after }) } : unusual();
}

function readItem(reader: MessageReader, end: number): ConditionItem {
  const eventTypes: string[] = [];
  const tags: string[] = [];
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        eventTypes.push(reader.string());
        break;
      case 0x12:
        tags.push(reader.string());
        break;
      default:
        unusual();
    }
  if (reader.at !== end) unusual();
  return {
    ...(eventTypes.length === 0 ? undefined : { eventTypes }),
    ...(tags.length === 0 ? undefined : { tags }),
  };
}

function readPosition(reader: MessageReader, end: number): LogPosition {
  let position = 0n;
  let epoch = 0n;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x08:
        position = reader.uint64();
        break;
      case 0x10:
        epoch = reader.uint64();
        break;
      default:
        unusual();
    }
  return reader.at === end ? { position, ...(epoch === 0n ? undefined : { epoch }) } : unusual();
}

function readCommand(reader: MessageReader, end: number): CommandEntry {
  let commandId = '';
  let commandType = '';
  let bodyHash: Buffer | undefined;
  let result: Buffer | undefined;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x0a:
        commandId = reader.string();
        break;
      case 0x12:
        commandType = reader.string();
        break;
      case 0x1a:
        bodyHash = reader.view();
        break;
      case 0x22:
        result = reader.view();
        break;
      default:
        unusual();
    }
  if (reader.at !== end) unusual();
  return {
    commandId,
    commandType,
    bodyHash: bodyHash ?? NOTHING,
    result: result ?? NOTHING,
  };
}
