import { isUtf8 } from 'node:buffer';

const CONTROL = /\p{Cc}/u;
const CONTROL_RUNS = /\p{Cc}+/gu;
const PERCENT_AND_TWO_HEX_DIGITS = /%(?=[0-9A-Fa-f]{2})/g;
const LATEST_SECOND = 253_402_300_799;

/**
 * A path's bytes as a string without control characters, of which no two paths share one.
 *
 * Git knows a path as bytes. Those of an invalid UTF-8 sequence and of a control character (U+0000–1F,
 * U+007F–9F) are each written `%XX`. A `%` stays as it is, unless two hex digits follow it, so that it would
 * read as such an escape: then it is written `%25`. Undone by turning each `%XX` back into its byte. Unicode
 * is not normalized: git, too, holds an `é` in one code point and an `é` in two for two files.
 *
 * @example
 * escapePath(Buffer.from('100% café')); // '100% café'
 * escapePath(Buffer.from('a\nb')); // 'a%0Ab'
 * escapePath(Buffer.from('a%0Ab')); // 'a%250Ab'
 * escapePath(Buffer.from('caf\xe9', 'latin1')); // 'caf%E9'
 */
export function escapePath(bytes: Buffer): string {
  if (!isUtf8(bytes)) return escapeInvalid(bytes);
  return escapeValid(bytes.toString('utf8'));
}

/**
 * Text that people wrote, made fit to be shown on one line: see `GitCommit.subject` for what becomes of odd
 * bytes.
 */
export function readableText(bytes: Buffer, limit: number): string {
  const text = bytes.toString('utf8');
  const line = (CONTROL.test(text) ? text.replace(CONTROL_RUNS, ' ') : text).trim();
  if (line.length <= limit) return line;
  const cutsAPair = /[\uD800-\uDBFF]/.test(line.charAt(limit - 1));
  return line.slice(0, cutsAPair ? limit - 1 : limit);
}

/**
 * Git's seconds since 1970, clamped to the year 9999 as protobuf's `Timestamp` is; `undefined` if they are no
 * number.
 */
export function dateOfSeconds(digits: string): Date | undefined {
  if (!/^\d+$/.test(digits)) return undefined;
  return new Date(Math.min(Number(digits), LATEST_SECOND) * 1000);
}

function escapeValid(text: string): string {
  const literal = text.includes('%') ? text.replace(PERCENT_AND_TWO_HEX_DIGITS, '%25') : text;
  if (!CONTROL.test(literal)) return literal;
  return literal.replace(CONTROL_RUNS, (characters) => percentBytes(Buffer.from(characters, 'utf8')));
}

/**
 * Character by character, as it is rare: the longest valid sequence at each place, or else one escaped byte.
 */
function escapeInvalid(bytes: Buffer): string {
  const parts: string[] = [];
  let valid = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = characterLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    parts.push(escapeValid(bytes.toString('utf8', valid, at)), percentBytes(bytes.subarray(at, at + 1)));
    at += 1;
    valid = at;
  }
  parts.push(escapeValid(bytes.toString('utf8', valid)));
  return parts.join('');
}

function characterLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length += 1) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}

function percentBytes(bytes: Uint8Array): string {
  let escaped = '';
  for (const byte of bytes) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return escaped;
}
