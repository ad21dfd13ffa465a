import type { Microseconds } from './event.js';
import type { Logger } from './logger.js';

/**
 * Time, chance and ids, handed in from outside: the pure folders call no `Date`, `setTimeout` or `Math.random` of their
 * own, so that a simulation can drive them.
 */
export interface Runtime {
  /** The wall clock, in microseconds since 1970. May jump. */
  now(): Microseconds;
  /** A clock in milliseconds that never jumps; only differences mean something. */
  monotonic(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** From 0 inclusive to 1 exclusive. */
  random(): number;
  /** A new UUID of version 7 in lower case. */
  newEventId(): string;
  /** Where what follows the log tells of trouble, if its options name nothing else. @default nobody is told */
  readonly logger?: Logger;
  /** Host and process, for people; at most 255 bytes. */
  readonly processName?: string;
}
