import { writeBytes, writeLength } from './backwards.js';

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
const NINE = '9'.charCodeAt(0);

/**
 * Metadata, an object of strings in JSON, as entries of the map that is field 8 of an event. What is plain is copied as it
 * is; the rest (escapes, keys that look like numbers, which JavaScript puts first, values that are no strings) goes by
 * JSON.parse, as it would with an event made an object.
 */
export class PackedMetadata {
  /** Where keys and values begin and end. */
  readonly #found: number[] = [];
  #count = 0;

  /** Writes before `to`, and answers where that begins. */
  write(out: Buffer, to: number, bytes: Uint8Array, from: number, end: number): number {
    const found = this.#found;
    if (!this.#find(bytes, from, end)) return writeParsed(out, to, bytes, from, end);
    let at = to;
    for (let index = this.#count - 4; index >= 0; index -= 4) {
      const entryEnd = at;
      at = writeBytes(out, at, bytes, found[index + 2] as number, found[index + 3] as number, 0x12);
      at = writeBytes(out, at, bytes, found[index] as number, found[index + 1] as number, 0x0a);
      at = writeLength(out, at, entryEnd - at, 0x42);
    }
    return at;
  }

  /** Whether it is plain, and in `#found` where it all is. */
  #find(bytes: Uint8Array, from: number, end: number): boolean {
    const found = this.#found;
    let count = 0;
    let inKey = true;
    for (let at = from + 1; at < end; ) {
      // Between strings stand `{`, `: `, `, ` and `}`, as Postgres writes it; anything else is a value of another kind.
      while (at < end && bytes[at] !== QUOTE) {
        const byte = bytes[at++] as number;
        if (byte > 0x20 && byte !== 0x2c && byte !== 0x3a && byte !== 0x7d) return false;
      }
      if (at === end) break;
      const begin = ++at;
      for (;;) {
        const byte = bytes[at] as number;
        if (byte === QUOTE) break;
        if (byte === BACKSLASH || at >= end) return false;
        at += 1;
      }
      if (inKey && looksLikeNumber(bytes[begin] as number)) return false;
      inKey = !inKey;
      found[count++] = begin;
      found[count++] = at;
      at += 1;
    }
    this.#count = count;
    return count % 4 === 0;
  }
}

function looksLikeNumber(first: number): boolean {
  return first >= ZERO && first <= NINE;
}

function writeParsed(out: Buffer, to: number, bytes: Uint8Array, from: number, end: number): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString('utf8');
  const values = JSON.parse(text) as Readonly<Record<string, string>>;
  let at = to;
  for (const key of Object.keys(values).reverse()) {
    const entryEnd = at;
    const value = Buffer.from(values[key] ?? '');
    at = writeBytes(out, at, value, 0, value.byteLength, 0x12);
    const name = Buffer.from(key);
    at = writeBytes(out, at, name, 0, name.byteLength, 0x0a);
    at = writeLength(out, at, entryEnd - at, 0x42);
  }
  return at;
}
