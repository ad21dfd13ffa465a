import type { Duplex } from 'node:stream';
import pg from 'pg';

/** The rows of a statement as the server has sent them: a message each, its columns in binary. */
export interface BinaryRows {
  /** What each row's message lies in … */
  readonly buffers: readonly Buffer[];
  /** … and where it begins there. */
  readonly starts: readonly number[];
  /** Of all messages. */
  readonly byteLength: number;
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

/** Takes rows out of what comes from the server. They stay where they are, but for one that comes in several pieces. */
export class GatheredRows {
  readonly #pieces: Pieces | undefined;
  #buffers: Buffer[] = [];
  #starts: number[] = [];
  #byteLength = 0;
  /** What the message under way still lacks … */
  #missing = 0;
  /** … and if it is a row, what it is put together in. */
  #torn: Buffer | undefined;
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
    let at = this.#goOn(bytes, handOn);
    /** Where what is no row begins, which is handed on in one piece. */
    let others = at;
    while (end - at >= HEADER_BYTES) {
      const isRow = bytes[at] === ROW;
      if (isRow || bytes[at] === READY) {
        if (at > others) handOn(bytes.subarray(others, at));
        if (!isRow) return bytes.subarray(at);
      }
      const length = bytes.readInt32BE(at + 1);
      if (length < 4) throw new RangeError(`The database sent a message of ${length} bytes`);
      const next = at + 1 + length;
      if (next > end) this.#missing = next - end;
      if (isRow) {
        if (next <= end) this.#keep(bytes, at, next);
        else {
          this.#torn = Buffer.allocUnsafe(next - at);
          bytes.copy(this.#torn, 0, at);
        }
        others = next;
      }
      at = next;
    }
    if (others < Math.min(at, end)) handOn(bytes.subarray(others, at));
    if (at < end) this.#header = bytes.subarray(at);
    return undefined;
  }

  /** What was kept since it was last asked for. */
  take(): BinaryRows {
    const taken = { buffers: this.#buffers, starts: this.#starts, byteLength: this.#byteLength };
    this.#buffers = [];
    this.#starts = [];
    this.#byteLength = 0;
    return taken;
  }

  /** Takes what the message under way lacks, and says where the next one begins. */
  #goOn(bytes: Buffer, handOn: (bytes: Buffer) => void): number {
    const taken = Math.min(this.#missing, bytes.byteLength);
    if (taken === 0) return 0;
    const torn = this.#torn;
    if (torn === undefined) handOn(bytes.subarray(0, taken));
    else bytes.copy(torn, torn.byteLength - this.#missing, 0, taken);
    this.#missing -= taken;
    if (this.#missing === 0 && torn !== undefined) {
      this.#torn = undefined;
      this.#keep(torn, 0, torn.byteLength);
    }
    return taken;
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    this.#buffers.push(buffer);
    this.#byteLength += end - start;
    if (this.#starts.push(start) === this.#pieces?.rows) this.#pieces.give(this.take());
  }
}
