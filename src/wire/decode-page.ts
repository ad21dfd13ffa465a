import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { ConsumeResponseSchema } from '../../gen/headwater/v1/consumer_group_service_pb.js';
import {
  LoadResponseSchema,
  SubscribeResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Delivery } from '../core/consumer-groups.js';
import type { Event, Microseconds } from '../core/event.js';
import type { LoadPage } from '../core/load.js';
import type { SubscriptionMessage, SubscriptionSignal } from '../core/subscribe.js';
import { fromWireToConsumer, type ToConsumer } from './consume.js';
import { fromWireLoadPage } from './load.js';
import { unusual, UnusualBytesError } from './message-reader.js';
import { PageReader } from './page-reader.js';
import { fromWireSubscriptionMessage } from './subscribe.js';

// The hot path of every reader, and so written by hand: from the bytes straight to the events of core, without message
// objects between. `npm run bench` (S4, decoding) defends it.
//
// It reads what the service sends, in any order, and passes by the fields of a later version. All else (groups, another wire
// type, bytes that are cut off, texts that are not UTF-8) goes to the plain way from its beginning, and so means the same or
// fails with the same error. A property test proves that both ways agree.

/** The page of a LoadResponse in bytes; fails as protobuf-es does. */
export function decodeLoadPage(bytes: Buffer): LoadPage {
  return quickly(bytes, readLoadPage, LoadResponseSchema, fromWireLoadPage);
}

/** The message of a SubscribeResponse in bytes; fails as protobuf-es does. */
export function decodeSubscriptionMessage(bytes: Buffer): SubscriptionMessage {
  return quickly(bytes, readSubscriptionMessage, SubscribeResponseSchema, fromWireSubscriptionMessage);
}

/** As {@link fromWireToConsumer}, of a ConsumeResponse in bytes; fails as protobuf-es does. */
export function decodeToConsumer(bytes: Buffer): ToConsumer | undefined {
  return quickly(bytes, readDeliver, ConsumeResponseSchema, fromWireToConsumer);
}

function quickly<Desc extends DescMessage, Answer>(
  bytes: Buffer,
  read: (page: PageReader) => Answer,
  schema: Desc,
  plainly: (message: MessageShape<Desc>) => Answer,
): Answer {
  try {
    return read(new PageReader(bytes));
  } catch (error) {
    if (error instanceof UnusualBytesError) return plainly(fromBinary(schema, bytes));
    throw error;
  }
}

// Tags are written out: the number of the field times 8, and 2 for what has a length.

function readLoadPage(reader: PageReader): LoadPage {
  return readPage(reader, 4);
}

function readSubscriptionMessage(reader: PageReader): SubscriptionMessage {
  return readPage(reader, 6);
}

/** What Load and Subscribe have in common; fields 5 and 6 are the signals of Subscribe. */
function readPage(reader: PageReader, known: 4 | 6): SubscriptionMessage {
  const events: Event[] = [];
  let scannedAfter = 0n;
  let scannedTo = 0n;
  let epoch = 0n;
  let signal: SubscriptionSignal | undefined;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        events.push(readEvent(reader, reader.limit()));
        break;
      case 0x10:
        scannedAfter = reader.uint64();
        break;
      case 0x18:
        scannedTo = reader.uint64();
        break;
      case 0x20:
        epoch = reader.uint64();
        break;
      default:
        if (known === 6 && (tag === 0x2a || tag === 0x32)) {
          // How two of them merge is the plain way's to know.
          if (signal !== undefined) unusual();
          signal = readSignal(reader, tag);
        } else reader.skip(tag, known);
    }
  }
  reader.leave(reader.end);
  return { events, scannedAfter, scannedTo, epoch, ...(signal ? { signal } : {}) };
}

function readSignal(reader: PageReader, kind: 0x2a | 0x32): SubscriptionSignal {
  const end = reader.limit();
  let head = 0n;
  while (reader.at < end) {
    const tag = reader.tag();
    if (kind === 0x32 && tag === 0x08) head = reader.uint64();
    else reader.skip(tag, kind === 0x32 ? 1 : 0);
  }
  reader.leave(end);
  return kind === 0x32 ? { kind: 'FELL_BEHIND', head } : { kind: 'CAUGHT_UP' };
}

/** Deliveries; whatever else a consumer is told is rare. */
function readDeliver(reader: PageReader): ToConsumer {
  const { end } = reader;
  if (end === 0 || reader.tag() !== 0x12 || reader.limit() !== end) unusual();
  const deliveries: Delivery[] = [];
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 0x0a) deliveries.push(readDelivery(reader, reader.limit()));
    else reader.skip(tag, 1);
  }
  reader.leave(end);
  return { kind: 'DELIVER', deliveries };
}

function readDelivery(reader: PageReader, end: number): Delivery {
  const events: Event[] = [];
  let attempt = 0;
  let replayed = false;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 0x0a) events.push(readEvent(reader, reader.limit()));
    else if (tag === 0x10) attempt = reader.uint32();
    else if (tag === 0x18) replayed = reader.bool();
    else reader.skip(tag, 3);
  }
  reader.leave(end);
  return { events, attempt, replayed };
}

function readEvent(reader: PageReader, end: number): Event {
  let eventId = '';
  let aggregateType = '';
  let aggregateId = '';
  let version = 0n;
  let position = 0n;
  let eventType = '';
  let data: Uint8Array | undefined;
  let contentType = '';
  const metadata: Record<string, string> = {};
  const tags: string[] = [];
  let schemaVersion = 0;
  let recordedAt: Microseconds | undefined;
  let erased = false;
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        eventId = reader.ownString();
        break;
      case 0x12: {
        // Two streams merge, field by field.
        const to = reader.limit();
        while (reader.at < to) {
          const field = reader.tag();
          if (field === 0x0a) aggregateType = reader.name();
          else if (field === 0x12) aggregateId = reader.value();
          else reader.skip(field, 2);
        }
        reader.leave(to);
        break;
      }
      case 0x18:
        version = reader.uint64();
        break;
      case 0x20:
        position = reader.uint64();
        break;
      case 0x2a:
        eventType = reader.name();
        break;
      case 0x32:
        data = reader.data();
        break;
      case 0x3a:
        contentType = reader.name();
        break;
      case 0x42:
        readMetadata(reader, reader.limit(), metadata);
        break;
      case 0x4a:
        tags.push(reader.value());
        break;
      case 0x50:
        schemaVersion = reader.uint32();
        break;
      case 0x5a:
        // Two times merge as well, and never come.
        if (recordedAt !== undefined) unusual();
        recordedAt = reader.time();
        break;
      case 0x60:
        erased = reader.bool();
        break;
      default:
        reader.skip(tag, 12);
    }
  }
  reader.leave(end);
  const event: Event = {
    eventId,
    stream: { aggregateType, aggregateId },
    version,
    position,
    eventType,
    data: data ?? new Uint8Array(0),
    contentType,
    metadata,
    tags,
    schemaVersion,
    recordedAt: recordedAt ?? 0n,
  };
  return erased ? { ...event, erased } : event;
}

function readMetadata(reader: PageReader, end: number, metadata: Record<string, string>): void {
  let key = '';
  let value = '';
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.name();
    else if (tag === 0x12) value = reader.value();
    else reader.skip(tag, 2);
  }
  reader.leave(end);
  // Assigned, it would become the object's prototype.
  if (key === '__proto__') unusual();
  metadata[key] = value;
}
