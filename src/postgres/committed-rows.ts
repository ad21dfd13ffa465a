import type { Committed } from '../core/log.js';
import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import { packedPage } from '../core/packed-events.js';
import { writeShortAscii } from '../core/short-text.js';
import type { Look, Seen } from '../core/look.js';
import type { StreamId } from '../core/stream.js';
import { readUuid } from '../core/uuid-text.js';
import type { Verdict } from './append.js';
import type { BinaryRows } from './gathered-rows.js';
import { EventRows } from './event-rows.js';
import type { PreparedAppend, PreparedEvent } from './prepared-append.js';

/** An event of which the commit has said where it stands. */
interface Row {
  readonly position: bigint;
  readonly stream: StreamId;
  readonly version: bigint;
  readonly event: PreparedEvent;
  readonly recordedAt: bigint;
}

/** A request and its verdict. */
export interface Decided {
  readonly prepared: PreparedAppend;
  readonly verdict: Verdict | undefined;
}

// A row as EventRows reads it: a letter, its length, the number of columns, and for each column its length and its bytes.
const MESSAGE = 'D'.charCodeAt(0);
const COLUMNS = 13;
const HEADER_BYTES = 7;
const LENGTH_BYTES = 4;
/** Position, version, event id, schema version, time and whether it is erased; and the version of the jsonb. */
const FIXED_BYTES = HEADER_BYTES + COLUMNS * LENGTH_BYTES + 8 + 8 + 16 + 4 + 8 + 1 + 1;
/** Dimensions, flags and type of the elements; length and first index of the only dimension. */
const ARRAY_HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;
const TEXT_OID = 25;
const JSONB_VERSION = 1;
/** Microseconds from 1970 to 2000, where Postgres counts from. */
const POSTGRES_EPOCH = 946_684_800_000_000n;

/**
 * What a group has written, for those who follow the log live: they would have it read from the table again, which costs the
 * database a third of what it took to write. Undefined where it is not known to the last event, or more than a page.
 */
export function committedRows(decided: readonly Decided[]): Committed | undefined {
  const rows: Row[] = [];
  let epoch: bigint | undefined;
  let bytes = 0;
  for (const { prepared, verdict } of decided) {
    if (verdict === undefined || verdict instanceof Error || verdict.outcome !== 'APPENDED') continue;
    const { deduplicated, recordedAt } = verdict;
    if (deduplicated || recordedAt === undefined) continue;
    epoch ??= verdict.epoch;
    const written = prepared.entries.filter(({ events }) => events.length > 0);
    let position = verdict.firstPosition;
    for (const [index, { events, stream }] of written.entries()) {
      let version = (verdict.versions[index]?.version ?? 0n) - BigInt(events.length);
      for (const event of events) {
        version += 1n;
        rows.push({ position, stream, version, event, recordedAt });
        position += 1n;
        bytes += atMost(stream, event);
      }
    }
    if (position - 1n !== verdict.lastPosition) return undefined;
  }
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined || epoch === undefined) return undefined;
  const isStretch = last.position - first.position === BigInt(rows.length - 1);
  if (!isStretch || rows.length > PAGE_EVENTS || bytes > PAGE_BYTES) return undefined;
  const range = { scannedAfter: first.position - 1n, scannedTo: last.position, epoch };
  return {
    ...range,
    page: () => packedPage(new EventRows(encodeRows(rows, bytes)), range),
    look: () => new RowLook(rows, first),
  };
}

/** One row after the other; it is the same object for all of them. */
class RowLook implements Look, Seen {
  readonly #rows: readonly Row[];
  #row: Row;
  #metadata: Readonly<Record<string, string>> | undefined;

  constructor(rows: readonly Row[], first: Row) {
    this.#rows = rows;
    this.#row = first;
  }

  at(index: number): Seen {
    const row = this.#rows[index];
    if (row === undefined) throw new RangeError(`There is no event ${index}`);
    this.#row = row;
    this.#metadata = undefined;
    return this;
  }

  get eventId(): string {
    return this.#row.event.id;
  }

  get stream(): StreamId {
    return this.#row.stream;
  }

  get version(): bigint {
    return this.#row.version;
  }

  get position(): bigint {
    return this.#row.position;
  }

  get eventType(): string {
    return this.#row.event.type;
  }

  get data(): Uint8Array {
    return this.#row.event.data;
  }

  get contentType(): string {
    return this.#row.event.contentType;
  }

  get metadata(): Readonly<Record<string, string>> {
    return (this.#metadata ??= JSON.parse(this.#row.event.metadata) as Record<string, string>);
  }

  get tags(): readonly string[] {
    return this.#row.event.tagList;
  }

  get schemaVersion(): number {
    return this.#row.event.schemaVersion;
  }

  get recordedAt(): bigint {
    return this.#row.recordedAt;
  }
}

/** Bytes of a row, without a look at each character. */
function atMost(stream: StreamId, { contentType, data, metadata, tagList, type }: PreparedEvent): number {
  const names = stream.aggregateType.length + stream.aggregateId.length + type.length + contentType.length;
  const tags = tagList.reduce((sum, { length }) => sum + LENGTH_BYTES + 3 * length, DIMENSION_BYTES);
  return FIXED_BYTES + ARRAY_HEADER_BYTES + 3 * (names + metadata.length) + tags + data.byteLength;
}

/** Where rows are written before it is known how many bytes they take. A page is copied from it, so that it is held without more. */
let scratch = Buffer.alloc(0);

/**
 * As Postgres sends them for `eventColumns`. Only the metadata is written in another way that means the same.
 *
 * @param most bytes that they may take
 */
function encodeRows(rows: readonly Row[], most: number): BinaryRows {
  if (scratch.byteLength < most) scratch = Buffer.allocUnsafeSlow(most);
  const writer = new RowWriter(scratch);
  const starts = rows.map((row) => writer.write(row));
  const bytes = Buffer.allocUnsafeSlow(writer.end);
  scratch.copy(bytes, 0, 0, writer.end);
  return { bytes, starts };
}

class RowWriter {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Behind the last row. */
  get end(): number {
    return this.#at;
  }

  /** Answers where it begins. */
  write({ event, position, recordedAt, stream, version }: Row): number {
    const start = this.#at;
    this.#bytes[start] = MESSAGE;
    this.#view.setInt16(start + 5, COLUMNS);
    this.#at += HEADER_BYTES;
    this.#bigint(position);
    this.#text(stream.aggregateType);
    this.#text(stream.aggregateId);
    this.#bigint(version);
    this.#uuid(event.id);
    this.#text(event.type);
    this.#data(event.data);
    this.#text(event.contentType);
    this.#jsonb(event.metadata);
    this.#tags(event.tagList);
    this.#length(4);
    this.#view.setInt32(this.#at, event.schemaVersion);
    this.#at += 4;
    this.#bigint(recordedAt - POSTGRES_EPOCH);
    this.#length(1);
    this.#bytes[this.#at++] = 0;
    // Of all but the letter.
    this.#view.setInt32(start + 1, this.#at - start - 1);
    return start;
  }

  #length(length: number): void {
    this.#view.setInt32(this.#at, length);
    this.#at += LENGTH_BYTES;
  }

  #bigint(value: bigint): void {
    this.#length(8);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
  }

  #text(value: string): void {
    const at = this.#at + LENGTH_BYTES;
    const length = writeShortAscii(value, this.#bytes, at) ? value.length : this.#bytes.write(value, at);
    this.#length(length);
    this.#at += length;
  }

  #uuid(value: string): void {
    this.#length(16);
    readUuid(value, this.#bytes, this.#at);
    this.#at += 16;
  }

  #data(value: Uint8Array): void {
    this.#length(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  #jsonb(value: string): void {
    const length = this.#bytes.write(value, this.#at + LENGTH_BYTES + 1);
    this.#length(1 + length);
    this.#bytes[this.#at] = JSONB_VERSION;
    this.#at += 1 + length;
  }

  #tags(tags: readonly string[]): void {
    const begin = this.#at;
    this.#at += LENGTH_BYTES;
    this.#view.setInt32(this.#at, tags.length > 0 ? 1 : 0);
    this.#view.setInt32(this.#at + 4, 0);
    this.#view.setInt32(this.#at + 8, TEXT_OID);
    this.#at += ARRAY_HEADER_BYTES;
    if (tags.length > 0) {
      this.#view.setInt32(this.#at, tags.length);
      this.#view.setInt32(this.#at + 4, 1);
      this.#at += DIMENSION_BYTES;
      for (const tag of tags) this.#text(tag);
    }
    this.#view.setInt32(begin, this.#at - begin - LENGTH_BYTES);
  }
}
