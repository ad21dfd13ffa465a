import type { StreamId } from '../../core/stream.js';

const encoder = new TextEncoder();
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** Which slot of a group a stream is in: FNV-1a of 32 bits over the UTF-8 of its type, a zero byte and its id. */
export function slotOf({ aggregateType, aggregateId }: StreamId, slots: number): number {
  if (slots === 1) return 0;
  const hash = hashed(Math.imul(hashed(OFFSET_BASIS, aggregateType), PRIME), aggregateId);
  return (hash >>> 0) % slots;
}

function hashed(hash: number, text: string): number {
  let result = hash;
  for (const byte of encoder.encode(text)) result = Math.imul(result ^ byte, PRIME);
  return result;
}
