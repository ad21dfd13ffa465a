import type { Microseconds } from '../core/event.js';
import type { Violations } from '../core/validate.js';

/** A moment as google.protobuf.Timestamp has it. */
export interface WireTimestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

const MICROSECONDS = 1_000_000n;
/** 0001-01-01 and 9999-12-31, the bounds that timestamp.proto sets. */
const FIRST_SECOND = -62_135_596_800n;
const LAST_SECOND = 253_402_300_799n;

export function toWireTimestamp(time: Microseconds): WireTimestamp {
  let seconds = time / MICROSECONDS;
  let rest = time % MICROSECONDS;
  // nanos count forwards, before 1970 too
  if (rest < 0n) {
    seconds -= 1n;
    rest += MICROSECONDS;
  }
  return { seconds, nanos: Number(rest) * 1000 };
}

/** The moment; refused if it is out of range or finer than a microsecond, since the store would have to round it. */
export function fromWireTimestamp(time: WireTimestamp, field: string, violations: Violations): Microseconds {
  const { seconds, nanos } = time;
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
    violations.add(`${field}.seconds`, `is ${seconds}, it must be from ${FIRST_SECOND} to ${LAST_SECOND}`);
  if (nanos < 0 || nanos > 999_999_999)
    violations.add(`${field}.nanos`, `is ${nanos}, it must be from 0 to 999999999`);
  else if (nanos % 1000 !== 0)
    violations.add(`${field}.nanos`, `is ${nanos}, finer than a microsecond, which is what the log keeps`);
  return seconds * MICROSECONDS + BigInt(Math.trunc(nanos / 1000));
}

/** As {@link fromWireTimestamp} where the other side is the service, which is believed. */
export function readWireTimestamp(time: WireTimestamp): Microseconds {
  return time.seconds * MICROSECONDS + BigInt(Math.trunc(time.nanos / 1000));
}
