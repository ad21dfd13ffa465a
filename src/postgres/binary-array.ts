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
const JSONB_VERSION = 1;

/** `text[]` */
export function textArray(values: readonly string[]): Buffer {
  return variable(
    OID.text,
    values,
    (value) => Buffer.byteLength(value),
    (buffer, value, at) => buffer.write(value, at),
  );
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
  return variable(
    OID.uuid,
    values,
    () => 16,
    (buffer, value, at) => readUuid(value, buffer, at),
  );
}

/** `integer[]` */
export function int4Array(values: readonly number[]): Buffer {
  return variable(
    OID.int4,
    values,
    () => 4,
    (buffer, value, at) => buffer.writeInt32BE(value, at),
  );
}

/** `bigint[]` */
export function int8Array(values: readonly bigint[]): Buffer {
  return variable(
    OID.int8,
    values,
    () => 8,
    (buffer, value, at) => buffer.writeBigInt64BE(value, at),
  );
}

/** `boolean[]` */
export function booleanArray(values: readonly boolean[]): Buffer {
  return variable(
    OID.boolean,
    values,
    () => 1,
    (buffer, value, at) => buffer.writeUInt8(Number(value), at),
  );
}

function variable<T>(
  oid: number,
  values: readonly T[],
  sizeOf: (value: T) => number,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  if (values.length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(oid, 8);
    return empty;
  }
  const sizes = values.map(sizeOf);
  let total = HEADER;
  for (const size of sizes) total += 4 + size;
  const buffer = Buffer.allocUnsafe(total);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = HEADER;
  values.forEach((value, index) => {
    const size = sizes[index] ?? 0;
    buffer.writeInt32BE(size, at);
    write(buffer, value, at + 4);
    at += 4 + size;
  });
  return buffer;
}
