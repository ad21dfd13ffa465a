import { randomFillSync } from 'node:crypto';
import { hostname } from 'node:os';
import { v7 } from 'uuid';
import { type LogFields, silentLogger } from './core/logger.js';
import { onAbort } from './core/on-abort.js';
import type { Runtime } from './core/runtime.js';

/** A line on standard error, whatever becomes of standard output. */
function tell(message: string, fields: LogFields = {}): void {
  const facts = Object.entries(fields).map(([name, value]) => ` ${name}=${String(value)}`);
  process.stderr.write(`headwater: ${message}${facts.join('')}\n`);
}

/** Random bytes for 256 ids: to ask for those of one takes longer than all else that makes it. */
const chance = new Uint8Array(256 * 16);
let chanceUsed = chance.byteLength;
/** Of the last id: its time, and the number that tells ids of one millisecond apart. */
let lastTime = 0;
let lastNumber = 0;

/** A UUID of version 7, above the last one of this process. */
function newEventId(): string {
  if (chanceUsed === chance.byteLength) {
    randomFillSync(chance);
    chanceUsed = 0;
  }
  const random = chance.subarray(chanceUsed, chanceUsed + 16);
  chanceUsed += 16;
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    // 31 bits, so that there is room to count up from it.
    lastNumber = new DataView(random.buffer, random.byteOffset).getUint32(6) >>> 1;
  } else {
    lastNumber = (lastNumber + 1) >>> 0;
    // 2^32 of them in one millisecond, or a clock that was set back for long: then time runs ahead.
    if (lastNumber === 0) lastTime += 1;
  }
  return v7({ random, msecs: lastTime, seq: lastNumber });
}

/** Real time, chance and ids; warnings and errors on standard error. */
export const systemRuntime: Runtime = {
  now: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const timer = setTimeout(() => {
        letGo?.();
        resolve();
      }, milliseconds);
      const letGo =
        signal &&
        onAbort(signal, () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        });
    }),
  random: () => Math.random(),
  newEventId,
  logger: { ...silentLogger, warn: tell, error: tell },
  processName: `${hostname()}/${process.pid}`.slice(-255),
};
