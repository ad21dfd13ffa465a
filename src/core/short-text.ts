/** Up to here a loop over the characters is faster than what the runtime does for a text. */
const SHORT = 64;
const FIRST_BEYOND_ASCII = 0x80;

/**
 * Writes a text that is short and of ASCII only, as names and ids are, to `out` from `to` on, and says whether it did. Else
 * what is there is of no use. `out` has room for as many bytes as the text has characters.
 */
export function writeShortAscii(text: string, out: Uint8Array, to: number): boolean {
  const { length } = text;
  if (length > SHORT) return false;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= FIRST_BEYOND_ASCII) return false;
    out[to + index] = unit;
  }
  return true;
}

/**
 * How many bytes a text takes where it is written as UTF-8, which is exact for any text, halves of surrogate pairs too: to measure
 * buffers by, while `utf8Bytes` measures limits. Made for texts that are short as a rule.
 */
export function shortTextBytes(text: string): number {
  const { length } = text;
  if (length > SHORT) return Buffer.byteLength(text);
  for (let index = 0; index < length; index++)
    if (text.charCodeAt(index) >= FIRST_BEYOND_ASCII) return Buffer.byteLength(text);
  return length;
}
