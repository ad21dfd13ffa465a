/** The rows of a statement as the server has sent them: a message each, its columns in binary. */
export interface BinaryRows {
  /** The messages, one behind the other. */
  readonly bytes: Buffer;
  /** Where each begins. */
  readonly starts: readonly number[];
  /** Nobody reads them any more: from now on there are none, and their memory is for others. */
  release?(): void;
}

/** How rows are given while the statement still runs. */
export interface Pieces {
  /** So many at a time at most, and of {@link PIECE_BYTES} if they are more than one. */
  readonly rows: number;
  give(rows: BinaryRows): void;
}

const ROW = 'D'.charCodeAt(0);
const READY = 'Z'.charCodeAt(0);
/** A letter and a length, which counts itself. */
const HEADER_BYTES = 5;
const NOTHING: Buffer = Buffer.alloc(0);
/**
 * So few that what is done with a piece takes no longer than the server needs to fill the connection, for then it would
 * stand still.
 */
export const PIECE_BYTES = 128 * 1024;
/** Pieces whose memory is kept for others. */
const SPARE = 16;
const spare: Buffer[] = [];

/** Takes rows out of what comes from the server. They are copied, so that they lie together and what they came in is free. */
export class GatheredRows {
  readonly #pieces: Pieces | undefined;
  #bytes = NOTHING;
  #used = 0;
  #starts: number[] = [];
  /** What the message under way still lacks, … */
  #missing = 0;
  /** … and whether it is a row. */
  #inRow = false;
  /** The beginning of a header. */
  #header = NOTHING;

  constructor(pieces?: Pieces) {
    this.#pieces = pieces;
  }

  /**
   * Keeps rows, and hands on what is none; of the bytes themselves it keeps nothing. With the message that the statement is
   * over it is done: then it gives what is left of the bytes, from that message on.
   */
  add(received: Buffer, handOn: (bytes: Buffer) => void): Buffer | undefined {
    const bytes = this.#header.byteLength === 0 ? received : Buffer.concat([this.#header, received]);
    this.#header = NOTHING;
    const end = bytes.byteLength;
    let at = Math.min(this.#missing, end);
    this.#missing -= at;
    // Messages of one kind that follow each other go on their way together.
    let from = 0;
    let rows = this.#inRow;
    const flush = () => {
      if (rows) this.#copy(bytes, from, at);
      else if (at > from) handOn(bytes.subarray(from, at));
      from = at;
    };
    while (end - at >= HEADER_BYTES) {
      const letter = bytes[at];
      if ((letter === ROW) !== rows || letter === READY) flush();
      if (letter === READY) return bytes.subarray(at);
      rows = letter === ROW;
      const length = bytes.readInt32BE(at + 1);
      if (length < 4) throw new RangeError(`The database sent a message of ${length} bytes`);
      const size = 1 + length;
      if (rows) {
        if (!this.#hasRoom(at - from, size)) {
          flush();
          this.#makeRoom(size, end - at);
        }
        this.#starts.push(this.#used + at - from);
      }
      const next = Math.min(at + size, end);
      this.#missing = at + size - next;
      at = next;
    }
    flush();
    this.#inRow = rows;
    if (at < end) this.#header = Buffer.from(bytes.subarray(at));
    return undefined;
  }

  /** What was kept since it was last asked for; where less than half of its memory is filled, in memory of its own. */
  take(): BinaryRows {
    const room = this.#bytes;
    const bytes = room.subarray(0, this.#used);
    const starts = this.#starts;
    this.#bytes = NOTHING;
    this.#used = 0;
    this.#starts = [];
    if (bytes.byteLength > room.byteLength / 2) return new GivenRows(bytes, starts, room);
    const own = Buffer.from(bytes);
    keepSpare(room);
    return { bytes: own, starts };
  }

  #copy(bytes: Buffer, from: number, to: number): void {
    bytes.copy(this.#bytes, this.#used, from, to);
    this.#used += to - from;
  }

  /** Whether a row goes behind those that are to be copied. */
  #hasRoom(before: number, size: number): boolean {
    if (this.#starts.length === this.#pieces?.rows) return false;
    return this.#used + before + size <= this.#bytes.byteLength;
  }

  /** @param received how much there is from this row on, of whatever kind */
  #makeRoom(size: number, received: number): void {
    if (this.#pieces !== undefined) {
      if (this.#starts.length > 0) this.#pieces.give(this.take());
      this.#bytes =
        size > PIECE_BYTES
          ? Buffer.allocUnsafeSlow(size)
          : (spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES));
      return;
    }
    const larger = Buffer.allocUnsafe(Math.max(this.#used + size, received, 2 * this.#bytes.byteLength));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}

class GivenRows implements BinaryRows {
  bytes: Buffer;
  starts: readonly number[];
  #room: Buffer;

  constructor(bytes: Buffer, starts: readonly number[], room: Buffer) {
    this.bytes = bytes;
    this.starts = starts;
    this.#room = room;
  }

  release(): void {
    keepSpare(this.#room);
    this.#room = NOTHING;
    this.bytes = NOTHING;
    this.starts = [];
  }
}

/**
 * The next pieces lie there. Were it always new memory, 200 MB a second where a log is loaded, V8 would look for what is left
 * of it many times a second.
 */
function keepSpare(room: Buffer): void {
  if (room.byteLength === PIECE_BYTES && spare.length < SPARE) spare.push(room);
}
