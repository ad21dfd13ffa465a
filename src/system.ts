import { v7 } from 'uuid';
import type { Runtime } from './core/runtime.js';

/** Real time, chance and ids. */
export const systemRuntime: Runtime = {
  now: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, milliseconds);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  random: () => Math.random(),
  newEventId: () => v7(),
};
