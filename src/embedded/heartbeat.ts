import { statSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A sign of life for those who cannot see our process, from another container on the same volume: a file's time.
 *
 * Whoever watches waits for a change and compares no clocks. The interval does not keep the process alive.
 */
export function startHeartbeat(path: string, everyMs: number): { stop(): void } {
  const timer = setInterval(() => {
    try {
      const now = new Date();
      utimesSync(path, now, now);
    } catch {
      clearInterval(timer); // the folder was deleted under us: there is nothing left to guard
    }
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Resolves true at the first beat, false when there was none for `withinMs`. */
export async function beats(path: string, withinMs: number): Promise<boolean> {
  const first = beatOf(path);
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(50)) {
    if (beatOf(path) !== first) return true;
  }
  return false;
}

function beatOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
