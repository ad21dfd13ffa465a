import type { Event } from '../core/event.js';
import { unpackEvents } from '../core/event-view.js';
import type { EventFields, PackedEvents } from '../core/packed-events.js';
import type { BinaryRows } from './gathered-rows.js';

/**
 * The columns of an event, in the order in which {@link EventRows} reads them: as they are, for what the server would do to
 * them costs more than what is done here.
 *
 * @param fits whether the row is within the page's bytes; one that is not only says that there is more
 * @param erased also where an erasure has yet to come to the event: only the shell is given
 */
export function eventColumns(row: string, fits: string, erased: string): string {
  return `${row}.position, ${row}.aggregate_type, ${row}.aggregate_id, ${row}.version, ${row}.event_id, ${row}.event_type,
       CASE WHEN ${fits} THEN ${row}.data END, ${row}.content_type, ${row}.metadata, ${row}.tags, ${row}.schema_version,
       ${row}.recorded_at, ${erased}`;
}

// In a message: a letter, its length, the number of columns; then for each column its length, -1 for null, and its bytes.
const HEADER_BYTES = 7;
const LENGTH_BYTES = 4;
const DATA_COLUMN = 6;
/** In front of the JSON of a jsonb stands its version. */
const JSONB_VERSION_BYTES = 1;
/** Of an array: dimensions, flags, type of the elements, then length and first index of the only dimension. */
const ARRAY_HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;
const TWO_32 = 2 ** 32;
/** Seconds from 1970 to 2000, where Postgres counts from. */
const POSTGRES_EPOCH = 946_684_800;
const TRUE = 1;
const NOTHING: Buffer = Buffer.alloc(0);

export const NO_ROWS: BinaryRows = { bytes: NOTHING, starts: [] };

/** Events as Postgres has sent them. */
export class EventRows implements PackedEvents {
  readonly #rows: BinaryRows;
  readonly count: number;
  /** What the row lies in that was last read. */
  #bytes: Buffer = NOTHING;
  #view = new DataView(NOTHING.buffer);

  /** @param count how many of the rows are events; all by default */
  constructor(rows: BinaryRows, count = rows.starts.length) {
    this.#rows = rows;
    this.count = count;
  }

  get byteLength(): number {
    return this.#rows.bytes.byteLength;
  }

  /** The rows up to the first that is beyond the page's bytes, and whether there was one. */
  cut(): { readonly rows: EventRows; readonly cut: boolean } {
    const beyond = this.#rows.starts.findIndex((_, index) => this.#isBeyond(index));
    if (beyond < 0) return { rows: this, cut: false };
    return { rows: new EventRows(this.#rows, beyond), cut: true };
  }

  /** Itself, or no rows where its only one stands for no event: a join has found none. */
  orNone(): EventRows {
    if (this.count === 0) return this;
    const start = this.#turnTo(0);
    return this.#view.getInt32(start + HEADER_BYTES) < 0 ? new EventRows(NO_ROWS) : this;
  }

  /** Of the last event; there has to be one. */
  get lastPosition(): bigint {
    const start = this.#turnTo(this.count - 1);
    return this.#view.getBigInt64(start + HEADER_BYTES + LENGTH_BYTES);
  }

  read(index: number, fields: EventFields): void {
    let at = this.#turnTo(index) + HEADER_BYTES + LENGTH_BYTES;
    const view = this.#view;
    fields.bytes = this.#bytes;
    fields.positionHigh = view.getUint32(at);
    fields.positionLow = view.getUint32(at + 4);
    at += 8;
    let length = view.getInt32(at);
    at += LENGTH_BYTES;
    fields.aggregateType = at;
    fields.aggregateTypeEnd = at += length;
    length = view.getInt32(at);
    at += LENGTH_BYTES;
    fields.aggregateId = at;
    fields.aggregateIdEnd = at += length;
    at += LENGTH_BYTES;
    fields.versionHigh = view.getUint32(at);
    fields.versionLow = view.getUint32(at + 4);
    at += 8 + LENGTH_BYTES;
    fields.eventId = at;
    at += 16;
    length = view.getInt32(at);
    at += LENGTH_BYTES;
    fields.eventType = at;
    fields.eventTypeEnd = at += length;
    length = view.getInt32(at);
    at += LENGTH_BYTES;
    fields.data = at;
    fields.dataEnd = at += length;
    length = view.getInt32(at);
    at += LENGTH_BYTES;
    fields.contentType = at;
    fields.contentTypeEnd = at += length;
    length = view.getInt32(at);
    at += LENGTH_BYTES;
    fields.metadata = at + JSONB_VERSION_BYTES;
    fields.metadataEnd = at += length;
    length = view.getInt32(at);
    at += LENGTH_BYTES;
    if (fields.tags.length > 0) fields.tags.length = 0;
    if (view.getInt32(at) > 0) this.#readTags(at, fields.tags);
    at += length + LENGTH_BYTES;
    fields.schemaVersion = view.getInt32(at);
    at += 4 + LENGTH_BYTES;
    this.#readTime(at, fields);
    at += 8 + LENGTH_BYTES;
    fields.erased = view.getUint8(at) === TRUE;
    if (!fields.erased) return;
    fields.dataEnd = fields.data;
    fields.contentTypeEnd = fields.contentType;
    fields.metadataEnd = fields.metadata;
    fields.tags.length = 0;
  }

  sizeOf(index: number): number {
    const start = this.#turnTo(index);
    // The length does not count the letter in front of it.
    return this.#view.getInt32(start + 1) + 1;
  }

  release(): void {
    this.#rows.release?.();
  }

  unpack(): readonly Event[] {
    return unpackEvents(this);
  }

  /** Makes what the row lies in the present bytes, and says where it begins there. */
  #turnTo(index: number): number {
    const { bytes, starts } = this.#rows;
    const start = starts[index];
    if (start === undefined) throw new RangeError(`There is no row ${index}, or it was released`);
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return start;
  }

  #isBeyond(index: number): boolean {
    let at = this.#turnTo(index) + HEADER_BYTES;
    for (let column = 0; column < DATA_COLUMN; column++) at += LENGTH_BYTES + this.#view.getInt32(at);
    return this.#view.getInt32(at) < 0;
  }

  #readTags(from: number, tags: number[]): void {
    const view = this.#view;
    let left = view.getInt32(from + ARRAY_HEADER_BYTES);
    let at = from + ARRAY_HEADER_BYTES + DIMENSION_BYTES;
    for (; left > 0; left--) {
      const begin = at + LENGTH_BYTES;
      at = begin + view.getInt32(at);
      tags.push(begin, at);
    }
  }

  #readTime(at: number, fields: EventFields): void {
    const micros = this.#view.getInt32(at) * TWO_32 + this.#view.getUint32(at + 4);
    if (Number.isSafeInteger(micros)) {
      const seconds = Math.floor(micros / 1e6);
      fields.recordedSeconds = seconds + POSTGRES_EPOCH;
      fields.recordedMicros = micros - seconds * 1e6;
      return;
    }
    // Beyond 285 years from 2000.
    const exact = this.#view.getBigInt64(at);
    const rest = ((exact % 1_000_000n) + 1_000_000n) % 1_000_000n;
    fields.recordedSeconds = Number((exact - rest) / 1_000_000n) + POSTGRES_EPOCH;
    fields.recordedMicros = Number(rest);
  }
}

/** Of the first row, where the last column has so many bytes in every row; zeros if there is none. */
export function lastColumn({ bytes, starts }: BinaryRows, length: number): Buffer {
  const [start] = starts;
  if (start === undefined) return Buffer.alloc(length);
  const end = start + 1 + bytes.readInt32BE(start + 1);
  return bytes.subarray(end - length, end);
}
