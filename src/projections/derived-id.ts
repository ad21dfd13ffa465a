import type { Event } from '../core/event.js';
import { sha1 } from './sha1.js';

/**
 * The id of an effect of an event: always the same for the same facts, so that what is done again is known for a repeat.
 * It has the shape of a UUIDv7 whose time is that of the cause, so that ids that are made one after the other lie side by
 * side in the index on them; the rest are 74 bits of a hash.
 *
 * @param facts who makes it, and which of its effects; free of control characters
 */
export function derivedId(cause: Pick<Event, 'eventId' | 'recordedAt'>, facts: readonly string[]): string {
  const bytes = sha1([cause.eventId.toLowerCase(), ...facts].join('\n')).slice(0, 16);
  const view = new DataView(bytes.buffer);
  const milliseconds = cause.recordedAt / 1000n;
  view.setUint32(0, Number(milliseconds >> 16n));
  view.setUint16(4, Number(milliseconds & 0xffffn));
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
