import type { Runtime } from '../core/runtime.js';

const FIRST = 50;
const LONGEST = 2_000;

/**
 * Milliseconds to wait after so many failures in a row: exponential with full jitter, so that clients that lost the same
 * server do not come back together, and at least what the service asked for.
 */
export function backoff(failures: number, runtime: Runtime, atLeast = 0): number {
  const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(failures - 1, 10));
  return atLeast + runtime.random() * ceiling;
}
