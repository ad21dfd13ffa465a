import { createHash } from 'node:crypto';
import { utf8Bytes } from '../core/validate.js';

const HASH_DIGITS = 32;
/** An escaped `~`, which `escapePath` never writes: so no path can be taken for a shortened one. */
const CUT = '%7E';

/**
 * The text if it has at most so many bytes of UTF-8, else its beginning, `%7E` and 32 hex digits of its SHA-256: the
 * same text is shortened in the same way each time, and different ones stay different.
 *
 * @example
 * fitName('src/main.ts', 255); // 'src/main.ts'
 * fitName('a'.repeat(300), 40); // 'aaaaa%7E9835fa6bf4e20a9b9ea812506302e989'
 */
export function fitName(text: string, limit: number): string {
  if (utf8Bytes(text) <= limit) return text;
  const room = limit - CUT.length - HASH_DIGITS;
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += utf8Bytes(character);
    if (bytes > room) break;
    kept += character;
  }
  return `${kept}${CUT}${createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS)}`;
}
