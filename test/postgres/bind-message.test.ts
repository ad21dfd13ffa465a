import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bindMessage } from '../../src/postgres/bind-message.js';
import type { Database } from '../../src/postgres/database.js';
import { openDatabase } from '../support/test-database.js';

let database: Database;
beforeAll(() => {
  database = openDatabase();
});
afterAll(() => database.close());

const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
/** What the server takes as text: anything but the character zero and halves of characters. */
const text = fc.string({ unit: 'grapheme', maxLength: 300 }).map((value) => value.replaceAll('\0', ''));

/** What the driver would send. */
function byDriver(bind: Parameters<pg.Connection['bind']>[0]): Buffer {
  const stream = new PassThrough();
  // As it is written in the types; the driver takes the second argument for nothing.
  new pg.Connection({ stream } as never).bind(bind, false);
  return stream.read() as Buffer;
}

describe('a Bind message', () => {
  it('is byte for byte the one of the driver', () => {
    const value = fc.oneof(bytes, text, fc.constant(null));
    const binds = fc.record({
      portal: text,
      statement: text,
      values: fc.array(value, { maxLength: 30 }),
      binary: fc.boolean(),
    });
    fc.assert(
      fc.property(binds, (bind) => {
        const { binary, ...others } = bind;
        const theirs = byDriver({ ...others, ...(binary ? { binary: 'yes' } : {}) });
        expect(bindMessage(bind).equals(theirs)).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(bindMessage({}).equals(byDriver({}))).toBe(true);
  });

  it('carries values of any kind and length to the server', async () => {
    await fc.assert(
      fc.asyncProperty(text, bytes, fc.boolean(), fc.array(text), async (one, data, flag, list) => {
        const [row] = await database.query(
          'read',
          `SELECT $1::text, encode($2::bytea, 'hex'), $3::boolean, array_length($4::text[], 1), $5::text IS NULL`,
          [one, data, flag, list, null],
        );
        const length = list.length === 0 ? null : String(list.length);
        expect(row).toEqual([one, data.toString('hex'), flag ? 't' : 'f', length, 't']);
      }),
      { numRuns: 100 },
    );
    const large = Buffer.alloc(3_000_000, 7);
    const [row] = await database.query('read', 'SELECT length($1::bytea)', [large]);
    expect(row).toEqual(['3000000']);
  });

  it('is not sent where a value cannot be, and leaves the connection as it was', async () => {
    const circular: { itself?: unknown } = {};
    circular.itself = circular;
    await expect(database.query('append', 'SELECT $1', [circular])).rejects.toThrow('circular');
    expect(await database.query('append', 'SELECT $1', ['x'])).toEqual([['x']]);
  });
});
