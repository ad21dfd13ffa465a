import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Bytes of chance that one id takes. */
const ID_BYTES = 16;

// To ask the system for chance once an id was a fifth of the CPU of a client that appends at full speed (`npm run bench`, S1):
// so it is asked once for many.
const chance = new Uint8Array(ID_BYTES * 256);
let used = chance.byteLength;

let milliseconds = 0;
let sequence = 0;

/**
 * A UUID of version 7, greater than all that this process made before: the counter behind the time begins anywhere in a new
 * millisecond and goes up by one within it (RFC 9562, section 6.2, method 1).
 */
export function newEventId(): string {
  if (used === chance.byteLength) {
    randomFillSync(chance);
    used = 0;
  }
  const random = chance.subarray(used, used + ID_BYTES);
  used += ID_BYTES;
  const now = Date.now();
  if (now > milliseconds) {
    milliseconds = now;
    // 31 of the 32 bits, so that there is always room to count.
    sequence = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  } else {
    sequence = (sequence + 1) >>> 0;
    if (sequence === 0) milliseconds += 1;
  }
  return v7({ random, msecs: milliseconds, seq: sequence });
}
