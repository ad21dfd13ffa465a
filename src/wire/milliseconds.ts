import type { Violations } from '../core/validate.js';
import { fromWireDuration, readWireDuration, toWireDuration, type WireDuration } from './duration.js';

/** Settings count milliseconds. Refused if it is negative or finer than that. */
export function fromWireMilliseconds(duration: WireDuration, field: string, violations: Violations): number {
  const microseconds = fromWireDuration(duration, field, violations);
  if (microseconds % 1000n !== 0n)
    violations.add(field, `is ${microseconds} µs, it must be whole milliseconds`);
  return Number(microseconds / 1000n);
}

/** As {@link fromWireMilliseconds} where the other side is the service, which is believed. */
export function readWireMilliseconds(duration: WireDuration | undefined): number {
  return duration ? Number(readWireDuration(duration)) / 1000 : 0;
}

/** @param milliseconds whole, not negative */
export function toWireMilliseconds(milliseconds: number): WireDuration {
  return toWireDuration(BigInt(milliseconds) * 1000n);
}
