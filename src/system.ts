import { v7 } from 'uuid';
import { onAbort } from './core/on-abort.js';
import type { Runtime } from './core/runtime.js';

/** Real time, chance and ids. */
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
  newEventId: () => v7(),
};
