import type { Duplex } from 'node:stream';
import pg from 'pg';

/** The rows of a statement as the server has sent them: messages one after the other, their columns in binary. */
export interface BinaryRows {
  readonly bytes: Buffer;
  /** Where each row's message begins. */
  readonly starts: readonly number[];
}

export interface BinaryStatement {
  readonly text: string;
  readonly values: unknown[];
  /** Under which it stays prepared in the connection. */
  readonly name?: string;
}

/** How rows are given while the statement still runs. */
export interface Pieces {
  /** So many at a time. */
  readonly rows: number;
  give(rows: BinaryRows): void;
}

const ROW = 'D'.charCodeAt(0);
const READY = 'Z'.charCodeAt(0);
/** A letter and a length, which counts itself. */
const HEADER_BYTES = 5;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * A statement whose rows are not made into values: while it runs, the bytes of its rows are taken off the connection before
 * the driver sees them, and only those; all else that the server says (errors, notices, what has become of it) is the
 * driver's as ever. The driver would make a dozen strings of each row, which was half of what a load cost the service;
 * `npm run bench` (S4) defends it.
 *
 * Results have to be bounded by the statement, for all of them are held.
 */
export class BinaryRowsQuery extends pg.Query {
  /** The rows, when the server is done; without those that were given before. */
  readonly gathered: Promise<BinaryRows>;

  constructor(statement: BinaryStatement, pieces?: Pieces) {
    const gathered = new GatheredRows(pieces);
    let settle: (error: Error | null | undefined) => void = () => undefined;
    const rows = new Promise<BinaryRows>((resolve, reject) => {
      settle = (error) => (error ? reject(error) : resolve(gathered.take()));
    });
    // `binary` and `queryMode` are the driver's, and missing in its types.
    const config = { ...statement, binary: true, queryMode: 'extended' };
    super(config, undefined, (error) => settle(error));
    this.gathered = rows;
    const { submit } = this;
    this.submit = (connection) => {
      divert(connection.stream, gathered);
      return submit.call(this, connection);
    };
  }
}

/** Until the server is ready for the next statement, rows go to `gathered`, and the rest to whom all would have gone. */
function divert(socket: Duplex, gathered: GatheredRows): void {
  const listeners = socket.listeners('data') as ((bytes: Buffer) => void)[];
  const others = (bytes: Buffer) => {
    for (const listener of listeners) listener.call(socket, bytes);
  };
  const onData = (bytes: Buffer) => {
    let rest: Buffer | undefined;
    try {
      rest = gathered.add(bytes, others);
    } catch (error) {
      socket.destroy(error as Error);
    }
    if (rest === undefined) return;
    for (const listener of listeners) socket.on('data', listener);
    socket.off('data', onData);
    // Last, for it may begin the next statement.
    others(rest);
  };
  socket.on('data', onData);
  for (const listener of listeners) socket.off('data', listener);
}

/** Takes rows out of what comes from the server. */
export class GatheredRows {
  readonly #pieces: Pieces | undefined;
  /** What the connection gave, where rows are; put together when it is known how long they are. */
  #parts: Buffer[] = [];
  #used = 0;
  #starts: number[] = [];
  /** What the message under way still lacks … */
  #missing = 0;
  /** … and whether it is a row. */
  #inRow = false;
  /** The beginning of a header. */
  #header = NOTHING;

  constructor(pieces?: Pieces) {
    this.#pieces = pieces;
  }

  /**
   * Keeps rows, and hands on what is none. With the message that the statement is over it is done: then it gives what is
   * left of the bytes, from that message on.
   */
  add(received: Buffer, handOn: (bytes: Buffer) => void): Buffer | undefined {
    const bytes = this.#header.byteLength === 0 ? received : Buffer.concat([this.#header, received]);
    this.#header = NOTHING;
    const end = bytes.byteLength;
    let at = 0;
    if (this.#missing > 0) {
      const taken = Math.min(this.#missing, end);
      if (this.#inRow) this.#keep(bytes, 0, taken);
      else handOn(bytes.subarray(0, taken));
      this.#missing -= taken;
      at = taken;
      if (this.#missing === 0) this.#giveIfFull();
    }
    while (at < end) {
      const from = at;
      const isRow = bytes[at] === ROW;
      // What follows one another and is of one kind goes in one piece.
      while (end - at >= HEADER_BYTES && (bytes[at] === ROW) === isRow) {
        if (bytes[at] === READY) {
          if (at > from) handOn(bytes.subarray(from, at));
          return bytes.subarray(at);
        }
        const length = bytes.readInt32BE(at + 1);
        if (length < 4) throw new RangeError(`The database sent a message of ${length} bytes`);
        at += 1 + length;
        if (isRow && this.#starts.push(this.#used + at - 1 - length - from) === this.#pieces?.rows) break;
      }
      const until = Math.min(at, end);
      if (isRow) this.#keep(bytes, from, until);
      else if (until > from) handOn(bytes.subarray(from, until));
      if (at > end) {
        this.#missing = at - end;
        this.#inRow = isRow;
        break;
      }
      this.#giveIfFull();
      if (end - at < HEADER_BYTES) {
        this.#header = bytes.subarray(at);
        break;
      }
    }
    return undefined;
  }

  /** What was kept since it was last asked for. */
  take(): BinaryRows {
    const [only = NOTHING] = this.#parts;
    const bytes = this.#parts.length > 1 ? Buffer.concat(this.#parts, this.#used) : only;
    const taken = { bytes, starts: this.#starts };
    this.#parts = [];
    this.#used = 0;
    this.#starts = [];
    return taken;
  }

  #giveIfFull(): void {
    if (this.#pieces !== undefined && this.#starts.length === this.#pieces.rows)
      this.#pieces.give(this.take());
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#parts.push(bytes.subarray(from, to));
    this.#used += to - from;
  }
}
