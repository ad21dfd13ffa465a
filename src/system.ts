import { hostname } from 'node:os';
import { type LogFields, silentLogger } from './core/logger.js';
import { onAbort } from './core/on-abort.js';
import type { Runtime } from './core/runtime.js';
import { newEventId } from './event-ids.js';

/** A line on standard error, whatever becomes of standard output. */
function tell(message: string, fields: LogFields = {}): void {
  const facts = Object.entries(fields).map(([name, value]) => ` ${name}=${String(value)}`);
  process.stderr.write(`headwater: ${message}${facts.join('')}\n`);
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
