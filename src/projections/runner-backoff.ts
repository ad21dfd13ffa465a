import {
  DeadlineExceededError,
  HeadwaterError,
  InternalError,
  OverloadedError,
  PositionNotReachedError,
  StoreUnavailableError,
} from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';

const FIRST_MS = 100;
const LONGEST_MS = 60_000;

/** Milliseconds until the next try after so many failures in a row: from 100 ms, doubling to a minute. */
export function retryDelay(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
}

/** As {@link retryDelay} up to so much, spread so that runners that lost the same server do not come back together. */
export function spreadDelay(failures: number, runtime: Runtime, longestMs: number): number {
  return Math.min(longestMs, retryDelay(failures)) * (0.5 + runtime.random() / 2);
}

/**
 * Whether the same may succeed later by itself. What is no error of Headwater's is a database's or a network's, or a
 * broker's: it may be back, and giving up would need somebody to come.
 */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof HeadwaterError)) return true;
  return (
    error instanceof StoreUnavailableError ||
    error instanceof OverloadedError ||
    error instanceof DeadlineExceededError ||
    error instanceof PositionNotReachedError ||
    error instanceof InternalError
  );
}

/**
 * Whether it is the program that is wrong, so that trying again cannot help: a name that it does not know, or SQL that its
 * database does not (class 42).
 */
export function isProgramsFault(error: unknown): boolean {
  if (error instanceof ReferenceError) return true;
  return error instanceof Error && 'code' in error && /^42...$/.test(String(error.code));
}

/** What was thrown, for people; at most 4 KiB of UTF-8. */
export function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  // A character takes at most three bytes per UTF-16 unit. What follows is never cut inside a character.
  const cut = text.length > 1_300 ? `${text.slice(0, 1_299)}…` : text;
  return cut.toWellFormed().replaceAll('\u0000', '�');
}
