import fc from 'fast-check';
import { text, uint64 } from './arbitraries.js';

/** How often all is well where something may be wrong: a message has a hundred parts, and most messages are to be good. */
const MOSTLY = 500;

/** A part of a message in the wire format. */
export type Part = fc.Arbitrary<Buffer>;

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A varint with more bytes than it needs, up to ten. */
function overlong(value: bigint, bytes: number): Buffer {
  const shortest = varint(value);
  if (bytes <= shortest.byteLength) return shortest;
  const padded = Buffer.alloc(bytes, 0x80);
  shortest.copy(padded);
  padded[shortest.byteLength - 1] = (shortest.at(-1) ?? 0) | 0x80;
  padded[bytes - 1] = 0;
  return padded;
}

/** Mostly as short as can be, at times with more bytes than it needs; at most ten are allowed, of a tag five. */
function anyVarint(value: fc.Arbitrary<bigint>, allowed = 10): Part {
  const width = fc.oneof(
    { weight: MOSTLY, arbitrary: fc.constant(0) },
    { weight: 10, arbitrary: fc.integer({ min: 2, max: allowed }) },
    { weight: 1, arbitrary: fc.constant(allowed + 1) },
  );
  return fc.tuple(value, width).map(([given, bytes]) => overlong(given, bytes));
}

const tag = (no: number, type: number) => anyVarint(fc.constant(BigInt(no) * 8n + BigInt(type)), 5);

function field(no: number, type: number, content: Part): Part {
  return fc.tuple(tag(no, type), content).map((parts) => Buffer.concat(parts));
}

/** With its length in front, which is seldom wrong. */
function prefixed(content: Part): Part {
  const error = fc.oneof({ weight: MOSTLY, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 300 }));
  return content.chain((bytes) =>
    error
      .chain((wrong) => anyVarint(fc.constant(BigInt(Math.max(0, bytes.byteLength + wrong)))))
      .map((length) => Buffer.concat([length, bytes])),
  );
}

export const integer = (no: number): Part =>
  field(no, 0, anyVarint(fc.oneof(uint64, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))));

/** Of a time, mostly one that there is. */
export const time = (no: number): Part =>
  field(no, 0, anyVarint(fc.oneof({ weight: 20, arbitrary: fc.bigInt(0n, 2_000_000_000n) }, uint64)));

export const bytes = (no: number): Part =>
  field(
    no,
    2,
    prefixed(
      fc
        .oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.integer({ min: 4000, max: 9000 }).map((length) => new Uint8Array(length).fill(length)),
        )
        .map((data) => Buffer.from(data)),
    ),
  );

/** Few of many, so that they come again; UTF-8 but for a few. */
const texts: Part = fc
  .oneof(
    {
      weight: 40,
      arbitrary: fc.constantFrom('AccountOpened', 'actor', 'user-1', 'user-2', '\ufeffmarked', 'key'),
    },
    { weight: 20, arbitrary: text },
    {
      weight: 1,
      arbitrary: fc.constantFrom('a\ufffdb', '\ufffd', '__proto__', '17', 'constructor', '\u0000\u007f'),
    },
  )
  .map((given) => Buffer.from(given));

const brokenText: Part = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((given) => Buffer.from(given)),
  fc.constantFrom('€uro', 'naïve name of something', '😀').map((given) => Buffer.from(given).subarray(0, -1)),
  fc.constantFrom(
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xc0, 0x80]),
    Buffer.from('caf\xe9', 'latin1'),
  ),
);

export const string = (no: number): Part =>
  field(no, 2, prefixed(fc.oneof({ weight: MOSTLY, arbitrary: texts }, brokenText)));

/** What may stand where it is not expected: unknown fields, other wire types, groups, what is no field at all. */
function surprise(known: number): Part {
  const unknown = fc.constantFrom(known + 1, known + 2, 15, 16, 17, 200, 2 ** 29 - 1);
  const content = [
    anyVarint(uint64),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((given) => Buffer.from(given)),
    prefixed(fc.uint8Array({ maxLength: 20 }).map((given) => Buffer.from(given))),
    fc.constant(Buffer.alloc(0)),
    fc.constant(Buffer.alloc(0)),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((given) => Buffer.from(given)),
    fc.constant(Buffer.alloc(0)),
    fc.constant(Buffer.alloc(0)),
  ];
  const of = (no: number, type: number) => field(no, type, content[type] ?? fc.constant(Buffer.alloc(0)));
  const group = unknown.chain((no) =>
    fc.tuple(tag(no, 3), integer(3), tag(no, 4)).map((parts) => Buffer.concat(parts)),
  );
  return fc.oneof(
    {
      weight: 12,
      arbitrary: unknown.chain((no) => fc.constantFrom(0, 1, 2, 5).chain((type) => of(no, type))),
    },
    { weight: 4, arbitrary: group },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.integer({ min: 0, max: known }), fc.integer({ min: 0, max: 7 }))
        .chain(([no, type]) => of(no, type)),
    },
  );
}

/** A message of these fields, in any order, some of them missing and some repeated, and a surprise at times. */
export function message(known: number, fields: readonly Part[]): Part {
  const expected = fields.map((arbitrary) => ({ weight: Math.ceil(60 / fields.length), arbitrary }));
  const part = fc.oneof(...expected, { weight: 1, arbitrary: surprise(known) });
  return fc.array(part, { maxLength: 16 }).map((parts) => Buffer.concat(parts));
}

export const nested = (no: number, content: Part): Part => field(no, 2, prefixed(content));

/** The bytes, some of them damaged: cut off, a byte changed, left out or put in. */
export function damaged(given: Part): Part {
  return fc
    .tuple(given, fc.constantFrom('CUT', 'CHANGE', 'DROP', 'ADD'), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([whole, how, where, byte]) => {
      const at = whole.byteLength === 0 ? 0 : where % whole.byteLength;
      const rest = how === 'CUT' ? whole.byteLength : at + (how === 'ADD' ? 0 : 1);
      const between = how === 'CUT' || how === 'DROP' ? [] : [byte];
      return Buffer.concat([whole.subarray(0, at), Buffer.from(between), whole.subarray(rest)]);
    });
}
