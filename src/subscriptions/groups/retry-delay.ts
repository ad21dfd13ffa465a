import { BACKOFF_MS } from './group-limits.js';

/** Milliseconds to wait after so many failures in a row, 1 being the first. */
export function retryDelay(failures: number): number {
  return Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(failures - 1, 20));
}
