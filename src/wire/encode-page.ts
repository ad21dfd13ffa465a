import type { Delivery } from '../core/consumer-groups.js';
import type { Event } from '../core/event.js';
import type { LoadPage } from '../core/load.js';
import { untouchedEvents } from '../core/packed-events.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import { utf8Bytes } from '../core/validate.js';
import { encodePacked, PackedMessage } from './encode-packed.js';

// The hot path of every read, and so written by hand: events go straight into one buffer of the right size, without a
// message object per event, 6 to 8 times as fast as create() and toBinary(), which is up to half of the service's CPU
// when it reads at full speed. `npm run bench` (load and subscribe) defends it; a property test proves that it means
// the same as `toWireLoadPage`, `toWireSubscriptionMessage` and `toWireToConsumer`.
//
// Two passes: the first measures, and notes each length that must stand in front of something in the order in which
// the second will need it; the second writes.

/** A LoadResponse in bytes. */
export function encodeLoadPage(page: LoadPage): Buffer<ArrayBuffer> {
  return encode(page);
}

/** A LoadResponse in bytes, or if it can be made when it leaves, what makes it. */
export function encodeLeavingPage(page: LoadPage): Buffer<ArrayBuffer> | PackedMessage {
  const packed = untouchedEvents(page);
  if (packed === undefined) return encode(page);
  return new PackedMessage(packed, page, true);
}

/** A SubscribeResponse in bytes. */
export function encodeSubscriptionMessage(message: SubscriptionMessage): Buffer<ArrayBuffer> {
  return encode(message, message.signal);
}

/** A ConsumeResponse with deliveries, in bytes. */
export function encodeDeliver(deliveries: readonly Delivery[]): Buffer<ArrayBuffer> {
  lengths.length = 0;
  const mine = lengths.push(0) - 1;
  let size = 0;
  for (const delivery of deliveries) size += fieldSize(deliverySize(delivery));
  lengths[mine] = size;
  const out = new Out(fieldSize(size));
  out.length(0x12);
  for (const { attempt, events, replayed } of deliveries) {
    out.length(0x0a);
    for (const event of events) {
      out.length(0x0a);
      writeEvent(out, event);
    }
    if (attempt !== 0) {
      out.byte(0x10);
      out.varint(attempt);
    }
    if (replayed) out.bytes2(0x18, 1);
  }
  return out.buffer;
}

/** Bytes that the event takes in a message. */
export function encodedEventBytes(event: Event): number {
  lengths.length = 0;
  return fieldSize(eventSize(event));
}

const lengths: number[] = [];

function encode(page: LoadPage, signal?: SubscriptionMessage['signal']): Buffer<ArrayBuffer> {
  const packed = untouchedEvents(page);
  if (packed === undefined) return encodeEvents(page.events, page, signal);
  // Who has events in bytes has no signal.
  return encodePacked(packed, page);
}

function encodeEvents(
  events: readonly Event[],
  page: Omit<LoadPage, 'events'>,
  signal: SubscriptionMessage['signal'],
): Buffer<ArrayBuffer> {
  lengths.length = 0;
  let size = 0;
  for (const event of events) size += fieldSize(eventSize(event));
  size += uint64FieldSize(page.scannedAfter) + uint64FieldSize(page.scannedTo) + uint64FieldSize(page.epoch);
  if (signal !== undefined) size += fieldSize(signal.kind === 'CAUGHT_UP' ? 0 : uint64FieldSize(signal.head));
  const out = new Out(size);
  for (const event of events) {
    out.length(0x0a);
    writeEvent(out, event);
  }
  out.uint64Field(0x10, page.scannedAfter);
  out.uint64Field(0x18, page.scannedTo);
  out.uint64Field(0x20, page.epoch);
  if (signal?.kind === 'CAUGHT_UP') out.bytes2(0x2a, 0);
  else if (signal?.kind === 'FELL_BEHIND') {
    out.bytes2(0x32, uint64FieldSize(signal.head));
    out.uint64Field(0x08, signal.head);
  }
  return out.buffer;
}

function deliverySize({ attempt, events, replayed }: Delivery): number {
  const mine = lengths.push(0) - 1;
  let size = attempt === 0 ? 0 : 1 + varintSize(attempt);
  for (const event of events) size += fieldSize(eventSize(event));
  if (replayed) size += 2;
  lengths[mine] = size;
  return size;
}

function eventSize(event: Event): number {
  const mine = lengths.push(0) - 1;
  let size = stringFieldSize(event.eventId);
  const stream = lengths.push(0) - 1;
  const streamSize = stringFieldSize(event.stream.aggregateType) + stringFieldSize(event.stream.aggregateId);
  lengths[stream] = streamSize;
  size += fieldSize(streamSize);
  size += uint64FieldSize(event.version) + uint64FieldSize(event.position);
  size += stringFieldSize(event.eventType);
  if (event.data.byteLength > 0) size += fieldSize(event.data.byteLength);
  size += stringFieldSize(event.contentType);
  for (const key of Object.keys(event.metadata)) {
    const entry = lengths.push(0) - 1;
    const entrySize = entryStringSize(key) + entryStringSize(event.metadata[key] ?? '');
    lengths[entry] = entrySize;
    size += fieldSize(entrySize);
  }
  for (const tag of event.tags) size += entryStringSize(tag);
  if (event.schemaVersion !== 0) size += 1 + varintSize(event.schemaVersion);
  const { seconds, nanos } = timestamp(event.recordedAt);
  const timeSize = uint64FieldSize(seconds) + (nanos === 0 ? 0 : 1 + varintSize(nanos));
  lengths.push(timeSize);
  size += fieldSize(timeSize);
  if (event.erased) size += 2;
  lengths[mine] = size;
  return size;
}

function writeEvent(out: Out, event: Event): void {
  out.stringField(0x0a, event.eventId);
  out.length(0x12);
  out.stringField(0x0a, event.stream.aggregateType);
  out.stringField(0x12, event.stream.aggregateId);
  out.uint64Field(0x18, event.version);
  out.uint64Field(0x20, event.position);
  out.stringField(0x2a, event.eventType);
  out.dataField(0x32, event.data);
  out.stringField(0x3a, event.contentType);
  for (const key of Object.keys(event.metadata)) {
    out.length(0x42);
    out.string(0x0a, key);
    out.string(0x12, event.metadata[key] ?? '');
  }
  for (const tag of event.tags) out.string(0x4a, tag);
  if (event.schemaVersion !== 0) {
    out.byte(0x50);
    out.varint(event.schemaVersion);
  }
  out.length(0x5a);
  const { seconds, nanos } = timestamp(event.recordedAt);
  out.uint64Field(0x08, seconds);
  if (nanos !== 0) {
    out.byte(0x10);
    out.varint(nanos);
  }
  if (event.erased) out.bytes2(0x60, 1);
}

/** Microseconds have room in a double until the year 2255; beyond and before 1970 by the slow way. */
function timestamp(time: bigint): { seconds: bigint; nanos: number } {
  const micros = Number(time);
  if (micros >= 0 && micros <= Number.MAX_SAFE_INTEGER) {
    const seconds = Math.floor(micros / 1e6);
    return { seconds: BigInt(seconds), nanos: (micros - seconds * 1e6) * 1000 };
  }
  const rest = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { seconds: (time - rest) / 1_000_000n, nanos: Number(rest) * 1000 };
}

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  let size = 5;
  for (let rest = Math.floor(value / 0x800000000); rest > 0; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

/** Tag, length and content. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function uint64FieldSize(value: bigint): number {
  if (value === 0n) return 0;
  const number = Number(value);
  if (number > 0 && number <= Number.MAX_SAFE_INTEGER) return 1 + varintSize(number);
  let size = 1;
  for (let rest = BigInt.asUintN(64, value); rest > 0n; rest >>= 7n) size += 1;
  return size;
}

/** Of a field that is left out when it is empty. */
function stringFieldSize(text: string): number {
  return text === '' ? 0 : entryStringSize(text);
}

function entryStringSize(text: string): number {
  const length = utf8Bytes(text);
  lengths.push(length);
  return fieldSize(length);
}

/** The buffer, and where in it and in the lengths the second pass stands. */
class Out {
  readonly buffer: Buffer<ArrayBuffer>;
  #at = 0;
  #next = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  byte(value: number): void {
    this.buffer[this.#at++] = value;
  }

  bytes2(first: number, second: number): void {
    this.byte(first);
    this.byte(second);
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.#at++] = rest;
  }

  /** A tag and the length that the first pass noted. */
  length(tag: number): number {
    const length = lengths[this.#next++] ?? 0;
    this.byte(tag);
    this.varint(length);
    return length;
  }

  uint64Field(tag: number, value: bigint): void {
    if (value === 0n) return;
    this.byte(tag);
    const number = Number(value);
    if (number > 0 && number <= Number.MAX_SAFE_INTEGER) return this.varint(number);
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest));
  }

  stringField(tag: number, text: string): void {
    if (text !== '') this.string(tag, text);
  }

  string(tag: number, text: string): void {
    const length = this.length(tag);
    // One byte a character: no need to look for more.
    this.buffer.write(text, this.#at, length, length === text.length ? 'latin1' : 'utf8');
    this.#at += length;
  }

  dataField(tag: number, data: Uint8Array): void {
    if (data.byteLength === 0) return;
    this.byte(tag);
    this.varint(data.byteLength);
    this.buffer.set(data, this.#at);
    this.#at += data.byteLength;
  }
}
