import type { CommandRow, FloorRow } from './floor-rows.js';

// The bytes of `encodeCopy`, written into one buffer without a buffer for each field, which makes the composed floor
// faster. The floor of COPY alone stays as it is, since ratios to it are compared from run to run.

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const COLUMN_COUNT = 14;
/** Microseconds from 1970 to 2000, where Postgres counts from. */
const EPOCH = 946_684_800_000_000n;
/** What a row has beside what it carries: lengths, numbers, id, hash. */
const ROW_BYTES = 256;
const TEXT_OID = 25;

export function writeCopy(rows: readonly FloorRow[]): Buffer {
  const out = new CopyWriter(rows.reduce((size, row) => size + roomFor(row), SIGNATURE.byteLength + 2));
  const recordedAt = BigInt(Date.now()) * 1000n - EPOCH;
  out.raw(SIGNATURE);
  for (const { position, stream, version, eventId, payload } of rows) {
    out.int2(COLUMN_COUNT);
    out.int8(BigInt(position));
    out.text(stream.aggregateType);
    out.text(stream.aggregateId);
    out.int8(BigInt(version));
    out.uuid(eventId);
    out.text(payload.eventType);
    out.bytes(payload.data);
    out.text(payload.contentType);
    out.jsonb(payload.metadata);
    out.noTags();
    out.int4(1);
    out.int8(recordedAt);
    out.bytes(payload.hash);
    out.yes();
  }
  out.int2(-1);
  return out.written;
}

/** In the table's order. */
export const COMMAND_COLUMNS =
  'command_id, command_type, body_hash, result, first_position, last_position, recorded_at';
const COMMAND_COLUMN_COUNT = 7;

/** The same of commands. */
export function writeCommands(rows: readonly CommandRow[]): Buffer {
  const room = ({ commandId, commandType, hash, result }: CommandRow) =>
    ROW_BYTES + 3 * (commandId.length + commandType.length) + hash.byteLength + result.byteLength;
  const out = new CopyWriter(rows.reduce((size, row) => size + room(row), SIGNATURE.byteLength + 2));
  const recordedAt = BigInt(Date.now()) * 1000n - EPOCH;
  out.raw(SIGNATURE);
  for (const { commandId, commandType, hash, position, result } of rows) {
    out.int2(COMMAND_COLUMN_COUNT);
    out.text(commandId);
    out.text(commandType);
    out.bytes(hash);
    out.bytes(result);
    out.int8(BigInt(position));
    out.int8(BigInt(position));
    out.int8(recordedAt);
  }
  out.int2(-1);
  return out.written;
}

/** Three bytes a character at most. */
function roomFor({ payload, stream }: FloorRow): number {
  let characters = stream.aggregateType.length + stream.aggregateId.length;
  characters += payload.eventType.length + payload.contentType.length;
  // Quoted, and each character with a backslash in front.
  for (const key of Object.keys(payload.metadata))
    characters += 2 * (key.length + (payload.metadata[key]?.length ?? 0)) + 8;
  return ROW_BYTES + payload.data.byteLength + payload.hash.byteLength + 3 * characters;
}

/** Fields with their lengths in front, one behind the other. */
class CopyWriter {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  get written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  int2(value: number): void {
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
  }

  int4(value: number): void {
    this.#length(4);
    this.#length(value);
  }

  int8(value: bigint): void {
    this.#length(8);
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.#length(value.byteLength);
    this.raw(value);
  }

  text(value: string): void {
    const length = this.#buffer.write(value, this.#at + 4);
    this.#length(length);
    this.#at += length;
  }

  uuid(value: string): void {
    this.#length(16);
    this.#at += this.#buffer.write(value.replaceAll('-', ''), this.#at, 'hex');
  }

  /** Behind the format's version, which is 1. */
  jsonb(value: Readonly<Record<string, string>>): void {
    const length = this.#buffer.write(JSON.stringify(value), this.#at + 5);
    this.#length(length + 1);
    this.#buffer[this.#at] = 1;
    this.#at += length + 1;
  }

  /** A text[] without elements: dimensions, flags, the type of the elements. */
  noTags(): void {
    this.#length(12);
    this.#length(0);
    this.#length(0);
    this.#length(TEXT_OID);
  }

  yes(): void {
    this.#length(1);
    this.#buffer[this.#at++] = 1;
  }

  #length(value: number): void {
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }
}
