const encoder = new TextEncoder();

/** Texts up to so many UTF-16 units share buffers; each unit takes three bytes at most. */
const SHORT_UNITS = 1024;
const SHARED_BYTES = 16 * 1024;

let shared = new Uint8Array(SHARED_BYTES);
let used = 0;

/**
 * The text as UTF-8, as `TextEncoder` has it. Short texts are views of a shared buffer: one buffer for each costs more than
 * to encode it, and as much again to collect it. (S6 of `npm run bench`: each command writes two of them.)
 */
export function encodedText(text: string): Uint8Array {
  if (text.length > SHORT_UNITS) return encoder.encode(text);
  if (used + 3 * text.length > SHARED_BYTES) {
    shared = new Uint8Array(SHARED_BYTES);
    used = 0;
  }
  const from = used;
  used += encoder.encodeInto(text, from === 0 ? shared : shared.subarray(from)).written;
  return shared.subarray(from, used);
}
