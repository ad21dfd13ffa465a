import { writeShortAscii } from '../core/short-text.js';
import { writeVarint, writeVarint64 } from './backwards.js';

/** Buffers up to this size are kept from one message to the next. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Writes a protobuf message from its end to its beginning, into one buffer that all messages share. Backwards, the length
 * of a nested message is known when it is to be written, so that one pass is enough, and nothing is measured before.
 *
 * Fields are written in the reverse of the order that they are to have. Part of the hand-written codec of appends, which
 * `npm run bench` (S1) defends.
 */
export class BackwardWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #at = this.#buffer.byteLength;

  /** Where the writing stands: what was written since is `mark() - mark()` bytes long. */
  mark(): number {
    return this.#buffer.byteLength - this.#at;
  }

  /** What was written, as bytes of its own; the next message begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(this.#at));
    if (this.#buffer.byteLength > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(64 * 1024);
    this.#at = this.#buffer.byteLength;
    return taken;
  }

  /** The tag and length of a field that was written since the mark. */
  close(tag: number, mark: number): void {
    this.varint(this.mark() - mark);
    this.byte(tag);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[--this.#at] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    if (value < 0x80) return this.byte(value);
    this.#room(8);
    this.#at = writeVarint(this.#buffer, this.#at, value);
  }

  /** A field that is left out when it is 0. */
  uint64(tag: number, value: bigint): void {
    if (value === 0n) return;
    this.uint64Always(tag, value);
  }

  uint64Always(tag: number, value: bigint): void {
    const number = Number(value);
    if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) this.varint(number);
    else {
      this.#room(10);
      this.#at = writeVarint64(this.#buffer, this.#at, BigInt.asUintN(64, value));
    }
    this.byte(tag);
  }

  /** A field that is left out when it is 0. */
  uint32(tag: number, value: number): void {
    if (value === 0) return;
    this.varint(value);
    this.byte(tag);
  }

  /** A field that is left out when it is empty. */
  string(tag: number, text: string): void {
    if (text !== '') this.stringAlways(tag, text);
  }

  stringAlways(tag: number, text: string): void {
    let { length } = text;
    this.#room(length);
    if (writeShortAscii(text, this.#buffer, this.#at - length)) this.#at -= length;
    else length = this.#text(text);
    this.varint(length);
    this.byte(tag);
  }

  /** Says how many bytes it is. */
  #text(text: string): number {
    const length = Buffer.byteLength(text);
    this.#room(length);
    this.#at -= length;
    this.#buffer.write(text, this.#at, length, length === text.length ? 'latin1' : 'utf8');
    return length;
  }

  /** A field that is left out when it is empty. */
  bytes(tag: number, data: Uint8Array): void {
    if (data.byteLength === 0) return;
    this.raw(data);
    this.varint(data.byteLength);
    this.byte(tag);
  }

  /** Bytes as they are. */
  raw(data: Uint8Array): void {
    this.#room(data.byteLength);
    this.#at -= data.byteLength;
    this.#buffer.set(data, this.#at);
  }

  #room(bytes: number): void {
    if (bytes <= this.#at) return;
    const written = this.mark();
    const larger = Buffer.allocUnsafeSlow(2 * (this.#buffer.byteLength + bytes));
    this.#buffer.copy(larger, larger.byteLength - written, this.#at);
    this.#buffer = larger;
    this.#at = larger.byteLength - written;
  }
}
