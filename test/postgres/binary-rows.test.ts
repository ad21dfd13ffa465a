import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BinaryRowsQuery } from '../../src/postgres/binary-rows.js';
import { Database, StatementTimeoutError } from '../../src/postgres/database.js';
import { rowStream } from '../../src/postgres/row-socket.js';
import { type BinaryRows, GatheredRows, PIECE_BYTES } from '../../src/postgres/gathered-rows.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { openDatabase } from '../support/test-database.js';

let database: Database;
beforeAll(() => {
  database = openDatabase();
});
afterAll(() => database.close());

function message(letter: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(letter, 'latin1');
  header.writeInt32BE(body.byteLength + 4, 1);
  return Buffer.concat([header, body]);
}

function messagesOf({ bytes, starts }: BinaryRows): readonly Buffer[] {
  return starts.map((start) => bytes.subarray(start, start + 1 + bytes.readInt32BE(start + 1)));
}

/** As it was when it came, of which the memory is given to the next at once. */
function copyOf(rows: BinaryRows): BinaryRows {
  const copy = { bytes: Buffer.from(rows.bytes), starts: [...rows.starts] };
  rows.release?.();
  expect(rows).toMatchObject(rows.release ? { starts: [], bytes: { byteLength: 0 } } : copy);
  return copy;
}

const kind = fc.constantFrom('D', 'D', 'D', 'N', 'S', 'C', '2');
const body = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 8 }), weight: 10 },
  { arbitrary: fc.uint8Array({ minLength: 50, maxLength: 300 }), weight: 10 },
  // Of such a few fill a piece, or one does alone.
  fc.integer({ min: 30_000, max: 140_000 }).map((bytes) => new Uint8Array(bytes).fill(bytes)),
);
const messages = fc.array(
  fc.tuple(kind, body).map(([letter, bytes]) => ({ letter, bytes: message(letter, Buffer.from(bytes)) })),
  { maxLength: 30 },
);

const cut = fc.oneof(fc.nat(200), fc.nat(100_000));

describe('what the server says during a statement', () => {
  it('is rows, which are kept, and the rest, which the driver gets, however the bytes arrive', () => {
    fc.assert(
      fc.property(messages, fc.array(cut, { minLength: 1 }), fc.nat(5), (said, cuts, most) => {
        const ready = message('Z', Buffer.from('I'));
        const next = message('D', Buffer.from('of the next statement'));
        const all = Buffer.concat([...said.map(({ bytes }) => bytes), ready, next]);
        const pieces: BinaryRows[] = [];
        const gathered = new GatheredRows(
          most === 0 ? undefined : { rows: most, give: (piece) => pieces.push(copyOf(piece)) },
        );
        const driver: Buffer[] = [];
        let at = 0;
        for (let turn = 0; at < all.byteLength; turn++) {
          const size = 1 + (cuts[turn % cuts.length] ?? 0);
          const rest = gathered.add(all.subarray(at, at + size), (bytes) => driver.push(Buffer.from(bytes)));
          at += size;
          if (rest === undefined) continue;
          // From here on all is the driver's.
          driver.push(rest, all.subarray(at));
          break;
        }
        const isRow = ({ letter }: { letter: string }) => letter === 'D';
        const rows = said.filter(isRow).map(({ bytes }) => bytes);
        const others = said.filter((one) => !isRow(one)).map(({ bytes }) => bytes);
        let given = 0;
        for (const { bytes, starts } of pieces) {
          given += starts.length;
          if (starts.length > 1) expect(bytes.byteLength).toBeLessThanOrEqual(PIECE_BYTES);
          if (starts.length === most) continue;
          expect(starts.length).toBeLessThan(most);
          // It ended where the next row had no room.
          expect(bytes.byteLength + (rows[given]?.byteLength ?? 0)).toBeGreaterThan(PIECE_BYTES);
        }
        const kept = [...pieces, gathered.take()];
        expect(kept.flatMap(messagesOf)).toEqual(rows);
        for (const one of kept)
          expect(one.bytes.byteLength).toBe(
            messagesOf(one).reduce((sum, { byteLength }) => sum + byteLength, 0),
          );
        expect(Buffer.concat(driver).equals(Buffer.concat([...others, ready, next]))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('has no message shorter than its own length', () => {
    const gathered = new GatheredRows();
    const nonsense = Buffer.from([0x44, 0, 0, 0, 3, 0, 0]);
    expect(() => gathered.add(nonsense, () => undefined)).toThrow(RangeError);
  });
});

describe('a statement with binary rows', () => {
  const sizes = 'SELECT $1::int4, repeat($2, $3::int4)';
  const lengths = (rows: BinaryRows) => messagesOf(rows).map(({ byteLength }) => byteLength - 1);

  it('gives rows of any size, over many pieces of the connection', async () => {
    const rows = await database.queryBinary('read', sizes, ['7', 'x', '3000000']);
    expect(lengths(rows)).toEqual([4 + 2 + 4 + 4 + 4 + 3_000_000]);
    const many = await database.queryBinary('read', 'SELECT n FROM generate_series(1, $1::int4) n', [
      '20000',
    ]);
    expect(messagesOf(many).map((bytes) => bytes.readInt32BE(11))).toEqual(
      Array.from({ length: 20_000 }, (_, index) => index + 1),
    );
    expect((await database.queryBinary('read', 'SELECT $1::int4 WHERE false', ['1'])).starts).toEqual([]);
  });

  it('keeps to itself what comes at the same time as others', async () => {
    const text = (letter: string, bytes: number) =>
      database.query('read', 'SELECT repeat($1, $2::int4)', [letter, String(bytes)]);
    const binary = (letter: string, bytes: number) =>
      database.queryBinary('read', 'SELECT repeat($1, $2::int4) FROM generate_series(1, 20)', [
        letter,
        String(bytes),
      ]);
    const letters = 'abcdefghijkl'.split('');
    const both = await Promise.all(
      letters.map(async (letter, index) => {
        const bytes = 100_000 + index;
        return { letter, bytes, found: await Promise.all([text(letter, bytes), binary(letter, bytes)]) };
      }),
    );
    for (const { letter, bytes, found } of both) {
      const [[row], rows] = found;
      const expected = letter.repeat(bytes);
      expect(row?.[0] === expected).toBe(true);
      const values = messagesOf(rows).map((message) => message.subarray(11).toString('latin1'));
      expect(values.map((value) => value === expected)).toEqual(Array.from({ length: 20 }, () => true));
    }
  });

  it.each([
    ['of the driver', {}],
    ['of ours', { stream: rowStream }],
  ])('leaves a connection that is %s as good as it was, also where it is refused', async (_, config) => {
    const client = new pg.Client({ ...inject('connection'), ...config });
    await client.connect();
    const binary = (text: string, ...values: unknown[]) =>
      client.query(new BinaryRowsQuery({ text, values })).gathered;
    for (let round = 0; round < 3; round++) {
      await expect(binary('SELECT 1 / n FROM generate_series(5, $1, -1) n', 0)).rejects.toMatchObject({
        code: '22012',
      });
      await expect(binary('SELEKT')).rejects.toMatchObject({ code: '42601' });
      expect((await client.query('SELECT $1::text AS one', ['1'])).rows).toEqual([{ one: '1' }]);
      expect((await binary('SELECT 1')).starts).toHaveLength(1);
      const [rows, other] = await Promise.all([binary(sizes, 1, 'a', 9), client.query('SELECT 2 AS two')]);
      expect([rows.starts.length, other.rows]).toEqual([1, [{ two: 2 }]]);
      expect(client.connection.stream.listenerCount('data')).toBe(1);
    }
    await client.end();
  });

  it('hands on what the server says besides', async () => {
    const client = new pg.Client({ ...inject('connection') });
    await client.connect();
    const notices: (string | undefined)[] = [];
    client.on('notice', ({ message: text }) => notices.push(text));
    await client.query(
      `CREATE FUNCTION pg_temp.tell(n int) RETURNS int LANGUAGE plpgsql AS
       'BEGIN RAISE NOTICE ''row %'', n; RETURN n; END'`,
    );
    const { starts } = await client.query(
      new BinaryRowsQuery({ text: 'SELECT pg_temp.tell(n) FROM generate_series(1, $1) n', values: [3] }),
    ).gathered;
    expect(starts).toHaveLength(3);
    expect(notices).toEqual(['row 1', 'row 2', 'row 3']);
    await client.end();
  });

  it('that takes too long, or whose connection breaks in the middle, fails, and the next has another', async () => {
    const slow = 'SELECT n, pg_sleep(0.02) FROM generate_series(1, $1::int4) n';
    await expect(database.queryBinary('read', slow, ['500'], { timeoutMilliseconds: 200 })).rejects.toThrow(
      StatementTimeoutError,
    );
    expect(await database.query('read', 'SELECT 1', [])).toEqual([['1']]);
    const proxy = await FaultProxy.before(inject('connection'));
    const behind = new Database({
      connection: { ...inject('connection'), host: '127.0.0.1', port: proxy.port },
    });
    try {
      await behind.query('read', 'SELECT 1', []);
      const cut = behind.queryBinary(
        'read',
        `SELECT repeat('x', 9000), pg_sleep(0.02) FROM generate_series(1, $1::int4)`,
        ['500'],
      );
      setTimeout(() => proxy.cut(false), 300);
      await expect(cut).rejects.toThrow();
      expect((await behind.queryBinary('read', 'SELECT $1::int4', ['1'])).starts).toHaveLength(1);
    } finally {
      await behind.close();
      await proxy.close();
    }
  });
});
