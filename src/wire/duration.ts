import type { Microseconds } from '../core/event.js';
import type { Violations } from '../core/validate.js';

/** A length of time as google.protobuf.Duration has it. */
export interface WireDuration {
  readonly seconds: bigint;
  readonly nanos: number;
}

const MICROSECONDS = 1_000_000n;

/** @param duration not negative */
export function toWireDuration(duration: Microseconds): WireDuration {
  return { seconds: duration / MICROSECONDS, nanos: Number(duration % MICROSECONDS) * 1000 };
}

/** The length of time; refused if it is negative, or finer than a microsecond, since the store would have to round it. */
export function fromWireDuration(
  duration: WireDuration,
  field: string,
  violations: Violations,
): Microseconds {
  const { seconds, nanos } = duration;
  if (seconds < 0n || nanos < 0) violations.add(field, 'must not be negative');
  else if (nanos > 999_999_999)
    violations.add(`${field}.nanos`, `is ${nanos}, it must be from 0 to 999999999`);
  else if (nanos % 1000 !== 0)
    violations.add(`${field}.nanos`, `is ${nanos}, finer than a microsecond, which is what the log keeps`);
  return readWireDuration(duration);
}

/** As {@link fromWireDuration} where the other side is the service, which is believed. */
export function readWireDuration({ seconds, nanos }: WireDuration): Microseconds {
  return seconds * MICROSECONDS + BigInt(Math.trunc(nanos / 1000));
}
