import type { LoadPage } from '../core/load.js';
import { type EventFields, noFields, type PackedEvents } from '../core/packed-events.js';
import { UUID_LENGTH, writeUuid } from '../core/uuid-text.js';
import {
  writeBigint,
  writeBytes,
  writeFilled,
  writeLength,
  writeTime,
  writeUint64,
  writeVarint,
} from './backwards.js';
import { PackedMetadata } from './packed-metadata.js';

// The hottest path of all, a load that nobody in the service looks into, and so written by hand: bytes as the store has them
// become bytes of the wire, without an object or a string of an event in between. `npm run bench` (S4) defends it; property
// tests prove that the bytes are those of `toWireEvent`.
//
// It writes backwards, see `backwards.ts`, from the last field of the last event.

/** How many bytes an event may have more on the wire than in the store, beside one in eight for lengths of long texts. */
const EVENT_OVERHEAD = 96;
const UUID_FIELD = UUID_LENGTH + 2;
/** Three numbers of 64 bits. */
const RANGE_BYTES = 33;

/** What a page says beside its events. */
type Range = Omit<LoadPage, 'events'>;

const fields = noFields();
const metadata = new PackedMetadata();

/** A LoadResponse or SubscribeResponse of the events. */
export function encodePacked(packed: PackedEvents, range: Range): Buffer<ArrayBuffer> {
  // There is room for half as much again as it comes to, and what lies outside of V8's heap has it look through that.
  return Buffer.from(encodeInScratch(packed, range));
}

/**
 * A message that becomes bytes when grpc-js takes it, which copies them behind a length at once: so all of them share one
 * buffer. With one for each, V8 looked through its whole heap for every 38 pages, and that took a third of the service's CPU.
 */
export class PackedMessage {
  readonly #packed: PackedEvents;
  readonly #range: Range;
  readonly #releases: boolean;

  /** @param releases whether nobody else reads the events, so that their memory is given back with the message */
  constructor(packed: PackedEvents, range: Range, releases = false) {
    this.#packed = packed;
    this.#range = range;
    this.#releases = releases;
  }

  /** What it holds until then, and about what it will be. */
  get byteLength(): number {
    return this.#packed.byteLength + RANGE_BYTES;
  }

  /** As {@link encodePacked}; the bytes are good until the next message is encoded. */
  encode(): Buffer<ArrayBuffer> {
    const bytes = encodeInScratch(this.#packed, this.#range);
    if (this.#releases) this.#packed.release?.();
    return bytes;
  }
}

let scratch = Buffer.alloc(0);

function encodeInScratch(packed: PackedEvents, range: Range): Buffer<ArrayBuffer> {
  const { byteLength, count } = packed;
  const room = byteLength + (byteLength >> 3) + count * EVENT_OVERHEAD + RANGE_BYTES;
  if (room > scratch.byteLength) scratch = Buffer.allocUnsafeSlow(room);
  return encodeInto(scratch, packed, range);
}

function encodeInto(
  out: Buffer<ArrayBuffer>,
  packed: PackedEvents,
  { epoch, scannedAfter, scannedTo }: Range,
): Buffer<ArrayBuffer> {
  let at = writeBigint(out, out.byteLength, epoch, 0x20);
  at = writeBigint(out, at, scannedTo, 0x18);
  at = writeBigint(out, at, scannedAfter, 0x10);
  for (let index = packed.count - 1; index >= 0; index--) {
    packed.read(index, fields);
    const end = at;
    at = writeEvent(out, at, fields);
    at = writeLength(out, at, end - at, 0x0a);
  }
  return out.subarray(at);
}

function writeEvent(out: Buffer, to: number, event: EventFields): number {
  const { bytes, tags } = event;
  let at = to;
  if (event.erased) {
    out[--at] = 1;
    out[--at] = 0x60;
  }
  at = writeTime(out, at, event.recordedSeconds, event.recordedMicros);
  if (event.schemaVersion !== 0) {
    at = writeVarint(out, at, event.schemaVersion);
    out[--at] = 0x50;
  }
  for (let index = tags.length - 2; index >= 0; index -= 2)
    at = writeBytes(out, at, bytes, tags[index] as number, tags[index + 1] as number, 0x4a);
  // An empty object is two bytes.
  if (event.metadataEnd - event.metadata > 2)
    at = metadata.write(out, at, bytes, event.metadata, event.metadataEnd);
  at = writeFilled(out, at, bytes, event.contentType, event.contentTypeEnd, 0x3a);
  at = writeFilled(out, at, bytes, event.data, event.dataEnd, 0x32);
  at = writeFilled(out, at, bytes, event.eventType, event.eventTypeEnd, 0x2a);
  at = writeUint64(out, at, event.positionHigh, event.positionLow, 0x20);
  at = writeUint64(out, at, event.versionHigh, event.versionLow, 0x18);
  const end = at;
  at = writeFilled(out, at, bytes, event.aggregateId, event.aggregateIdEnd, 0x12);
  at = writeFilled(out, at, bytes, event.aggregateType, event.aggregateTypeEnd, 0x0a);
  at = writeLength(out, at, end - at, 0x12);
  at -= UUID_FIELD;
  out[at] = 0x0a;
  out[at + 1] = UUID_LENGTH;
  writeUuid(bytes, event.eventId, out, at + 2);
  return at;
}
