import type { StreamId } from '../core/stream.js';

/**
 * Bytes of a message that the hand-written decoders leave to the generated code: a field that they do not know, a wire type
 * that does not fit, a string that is not UTF-8, a message that is cut off. What is right and what is wrong with those is
 * decided there, in one place.
 */
export class UnusualBytesError extends Error {
  override readonly name = 'UnusualBytesError';
}

/** Fields of one message after the other, for decoders that are written by hand. Throws `UnusualBytesError`. */
export class MessageReader {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
  /** The message, a character a byte. */
  #text: string | undefined;

  constructor(buffer: Buffer, at = 0, end = buffer.byteLength) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  /** Up to 2^53 - 1. */
  varint(): number {
    const { buffer, end } = this;
    let byte = this.at < end ? (buffer[this.at++] ?? 0x80) : unusual();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    // Seven septets have room in a double; what is longer is rare, and read as a bigint.
    for (let septets = 1; septets < 7; septets++) {
      byte = this.at < end ? (buffer[this.at++] ?? 0x80) : unusual();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    return unusual();
  }

  /** At most five bytes, as any tag. */
  tag(): number {
    const from = this.at;
    const tag = this.varint();
    return this.at - from <= 5 ? tag : unusual();
  }

  uint64(): bigint {
    return BigInt(this.varint());
  }

  uint32(): number {
    const value = this.varint();
    return value <= 0xffff_ffff ? value : unusual();
  }

  /** The end of a field with a length, which begins here. */
  limit(): number {
    const length = this.varint();
    const limit = this.at + length;
    return limit <= this.end ? limit : unusual();
  }

  string(): string {
    const limit = this.limit();
    const from = this.at;
    this.at = limit;
    if (from === limit) return '';
    for (let at = from; at < limit; at++) if ((this.buffer[at] ?? 0) > 0x7f) return this.utf8(from, limit);
    // A part of one string of the whole message: one copy for all of them, and no call out of JavaScript for each.
    return (this.#text ??= this.buffer.toString('latin1')).substring(from, limit);
  }

  /** As {@link string}, for what is kept when the message is done with: a part of its string would keep all of it. */
  ownString(): string {
    const limit = this.limit();
    const from = this.at;
    this.at = limit;
    if (from === limit) return '';
    for (let at = from; at < limit; at++) if ((this.buffer[at] ?? 0) > 0x7f) return this.utf8(from, limit);
    return this.buffer.toString('latin1', from, limit);
  }

  /** A text of its own. */
  utf8(from: number, limit: number): string {
    const text = this.buffer.toString('utf8', from, limit);
    // Bytes that are not UTF-8 become this character; one that was sent is looked at by the slow way as well.
    return text.includes('\ufffd') ? unusual() : text;
  }

  stream(end: number): StreamId {
    return this.#stream(end, false);
  }

  /** As {@link stream}, for what is kept when the message is done with. */
  ownStream(end: number): StreamId {
    return this.#stream(end, true);
  }

  #stream(end: number, own: boolean): StreamId {
    let aggregateType = '';
    let aggregateId = '';
    while (this.at < end)
      switch (this.tag()) {
        case 0x0a:
          aggregateType = own ? this.ownString() : this.string();
          break;
        case 0x12:
          aggregateId = own ? this.ownString() : this.string();
          break;
        default:
          unusual();
      }
    return this.at === end ? { aggregateType, aggregateId } : unusual();
  }

  /** An entry of a map of texts, which ends there. */
  entryOf(map: Record<string, string>, end: number): void {
    this.#entry(map, end, false);
  }

  /** As {@link entryOf}, for what is kept when the message is done with. */
  ownEntryOf(map: Record<string, string>, end: number): void {
    this.#entry(map, end, true);
  }

  #entry(map: Record<string, string>, end: number, own: boolean): void {
    if (this.tag() !== 0x0a) unusual();
    const key = own ? this.ownString() : this.string();
    if (this.tag() !== 0x12) unusual();
    const value = own ? this.ownString() : this.string();
    if (this.at !== end || key === '__proto__') unusual();
    map[key] = value;
  }

  /** A view of the message's buffer. */
  view(): Buffer {
    const limit = this.limit();
    const view = this.buffer.subarray(this.at, limit);
    this.at = limit;
    return view;
  }
}

export function unusual(): never {
  throw new UnusualBytesError('The bytes are not those that the usual encoders write');
}
