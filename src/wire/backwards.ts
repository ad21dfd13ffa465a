import { copyShort } from './copy-short.js';

// Fields of messages, written from their ends: what a message is long stands in front of it, and is known once it is written,
// so one pass is enough. Each function writes before `to`, and answers where that begins.

/** Up to here it is faster than what the runtime does for a copy. */
const SHORT = 128;
const TWO_32 = 2 ** 32;

/** What is left out when it is empty. */
export function writeFilled(
  out: Buffer,
  to: number,
  bytes: Uint8Array,
  from: number,
  end: number,
  tag: number,
): number {
  return from === end ? to : writeBytes(out, to, bytes, from, end, tag);
}

export function writeBytes(
  out: Buffer,
  to: number,
  bytes: Uint8Array,
  from: number,
  end: number,
  tag: number,
): number {
  const length = end - from;
  const at = to - length;
  if (length <= SHORT) copyShort(out, at, bytes, from, length);
  else out.set(bytes.subarray(from, end), at);
  return writeLength(out, at, length, tag);
}

/** A tag and a length. */
export function writeLength(out: Buffer, to: number, length: number, tag: number): number {
  let at = to;
  if (length < 0x80) out[--at] = length;
  else at = writeVarint(out, at, length);
  out[--at] = tag;
  return at;
}

/** Of a number below 2^53. */
export function writeVarint(out: Buffer, to: number, value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  const at = to - size;
  let rest = value;
  let index = at;
  // Numbers of 31 bits and fewer without divisions.
  for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 0x80)) out[index++] = (rest % 0x80) | 0x80;
  for (; rest >= 0x80; rest >>>= 7) out[index++] = (rest & 0x7f) | 0x80;
  out[index] = rest;
  return at;
}

export function writeUint64(out: Buffer, to: number, high: number, low: number, tag: number): number {
  if (high === 0 && low === 0) return to;
  const number = high * TWO_32 + low;
  let at: number;
  if (Number.isSafeInteger(number)) at = writeVarint(out, to, number);
  else at = writeVarint64(out, to, (BigInt(high) << 32n) | BigInt(low));
  out[--at] = tag;
  return at;
}

/** As {@link writeUint64}, of one number. */
export function writeBigint(out: Buffer, to: number, value: bigint, tag: number): number {
  if (value === 0n) return to;
  const number = Number(value);
  const safe = Number.isSafeInteger(number) && number > 0;
  const at = (safe ? writeVarint(out, to, number) : writeVarint64(out, to, BigInt.asUintN(64, value))) - 1;
  out[at] = tag;
  return at;
}

/** Of a number of 64 bits. */
export function writeVarint64(out: Buffer, to: number, value: bigint): number {
  let size = 1;
  for (let rest = value; rest >= 0x80n; rest >>= 7n) size += 1;
  const at = to - size;
  let index = at;
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) out[index++] = Number(rest & 0x7fn) | 0x80;
  out[index] = Number(rest);
  return at;
}

/** A Timestamp. */
export function writeTime(out: Buffer, to: number, seconds: number, micros: number): number {
  let at = to;
  if (micros !== 0) {
    at = writeVarint(out, at, micros * 1000);
    out[--at] = 0x10;
  }
  if (seconds > 0) {
    at = writeVarint(out, at, seconds);
    out[--at] = 0x08;
  } else if (seconds < 0) {
    at = writeVarint64(out, at, BigInt.asUintN(64, BigInt(seconds)));
    out[--at] = 0x08;
  }
  return writeLength(out, at, to - at, 0x5a);
}
