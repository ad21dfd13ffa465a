const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** How many characters a UUID has. */
export const UUID_LENGTH = 36;
const DASH = '-'.charCodeAt(0);

/** Writes the 16 bytes of a UUID as the usual text, in lower case, to `out` from `to` on. */
export function writeUuid(bytes: Uint8Array, from: number, out: Uint8Array, to: number): void {
  let at = to;
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) out[at++] = DASH;
    const byte = bytes[from + index] as number;
    out[at++] = DIGITS[byte >> 4] as number;
    out[at++] = DIGITS[byte & 15] as number;
  }
}
