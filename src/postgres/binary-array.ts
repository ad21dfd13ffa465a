import { shortTextBytes, writeShortAscii } from '../core/short-text.js';
import { readUuid } from '../core/uuid-text.js';

/**
 * Arrays in Postgres' binary format, as parameters of the append function. node-postgres would write them as text, with
 * every byte of a payload as two hex digits inside a quoted string; this is half the bytes and no escaping. A Buffer as
 * a parameter is sent as it is, and the server takes it as the type that the function declares.
 *
 * Layout: https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c (array_recv)
 */
const OID = { boolean: 16, bytea: 17, int8: 20, int4: 23, text: 25, uuid: 2950, jsonb: 3802 };
const HEADER = 20;
const EMPTY_HEADER = 12;
const JSONB_VERSION = 1;

/** `text[]`; what is repeated, as types are, is copied. */
export function textArray(values: readonly string[]): Buffer {
  let bytes = 0;
  let last: string | undefined;
  let size = 0;
  for (const value of values) {
    if (value !== last) size = shortTextBytes(value);
    last = value;
    bytes += 4 + size;
  }
  const buffer = beginning(OID.text, values.length, bytes);
  let at = HEADER;
  last = undefined;
  for (const value of values) {
    if (value === last) buffer.copyWithin(at, at - 4 - size, at);
    else {
      size = writeShortAscii(value, buffer, at + 4) ? value.length : buffer.write(value, at + 4);
      buffer.writeInt32BE(size, at);
    }
    last = value;
    at += 4 + size;
  }
  return buffer;
}

/** `jsonb[]` of values that are JSON already. */
export function jsonbArray(values: readonly string[]): Buffer {
  return variable(
    OID.jsonb,
    values,
    (value) => 1 + Buffer.byteLength(value),
    (buffer, value, at) => {
      buffer[at] = JSONB_VERSION;
      buffer.write(value, at + 1);
    },
  );
}

/** `bytea[]` */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  return variable(
    OID.bytea,
    values,
    (value) => value.byteLength,
    (buffer, value, at) => buffer.set(value, at),
  );
}

/** `bytea[]` of strings that have a character a byte. */
export function byteaArrayOfLatin1(values: readonly string[]): Buffer {
  return variable(
    OID.bytea,
    values,
    (value) => value.length,
    (buffer, value, at) => buffer.write(value, at, 'latin1'),
  );
}

/** `uuid[]` of UUIDs in their usual form. */
export function uuidArray(values: readonly string[]): Buffer {
  const buffer = beginning(OID.uuid, values.length, 20 * values.length);
  let at = HEADER;
  for (const value of values) {
    at = buffer.writeInt32BE(16, at);
    readUuid(value, buffer, at);
    at += 16;
  }
  return buffer;
}

/** `integer[]` */
export function int4Array(values: readonly number[]): Buffer {
  const buffer = beginning(OID.int4, values.length, 8 * values.length);
  let at = HEADER;
  for (const value of values) {
    at = buffer.writeInt32BE(4, at);
    at = buffer.writeInt32BE(value, at);
  }
  return buffer;
}

/** `bigint[]` */
export function int8Array(values: readonly bigint[]): Buffer {
  const buffer = beginning(OID.int8, values.length, 12 * values.length);
  // A Buffer's own way takes four times as long, and makes garbage.
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let at = HEADER;
  for (const value of values) {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} does not fit into a bigint`);
    view.setInt32(at, 8);
    view.setBigInt64(at + 4, value);
    at += 12;
  }
  return buffer;
}

/** `boolean[]` */
export function booleanArray(values: readonly boolean[]): Buffer {
  const buffer = beginning(OID.boolean, values.length, 5 * values.length);
  let at = HEADER;
  for (const value of values) {
    at = buffer.writeInt32BE(1, at);
    buffer[at++] = Number(value);
  }
  return buffer;
}

function variable<T>(
  oid: number,
  values: readonly T[],
  sizeOf: (value: T) => number,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  const sizes = values.map(sizeOf);
  let bytes = 0;
  for (const size of sizes) bytes += 4 + size;
  const buffer = beginning(oid, values.length, bytes);
  let at = HEADER;
  values.forEach((value, index) => {
    const size = sizes[index] ?? 0;
    buffer.writeInt32BE(size, at);
    write(buffer, value, at + 4);
    at += 4 + size;
  });
  return buffer;
}

/** An array with its header, and with room for so many bytes of values and their lengths. */
function beginning(oid: number, count: number, bytes: number): Buffer {
  // Without values it has no dimension.
  const buffer = Buffer.allocUnsafe(count === 0 ? EMPTY_HEADER : HEADER + bytes);
  buffer.writeInt32BE(count === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(oid, 8);
  if (count === 0) return buffer;
  buffer.writeInt32BE(count, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}
