import { connect, type Socket } from 'node:net';

// As much of HTTP/2 (RFC 9113) as a reader of server streams needs, so that it costs next to nothing: node:http2 takes about as
// much CPU for a message that comes as the service does for sending it, and a load generator shares the machine.

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
/** Of DATA and HEADERS; of SETTINGS and PING it says ACK. */
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;
const INITIAL_WINDOW_SIZE = 4;
const FRAME_HEAD = 9;
const MESSAGE_HEAD = 5;
/** Bytes that may be under way to a stream, and to all of a session. */
const WINDOW = 8 * 1024 * 1024;
const USUAL_WINDOW = 65_535;
/** Read at once at most. */
const PIECE = 256 * 1024;
const NOTHING = Buffer.alloc(0);
/** Room is given back when so much of it was taken. */
const GIVE_BACK = WINDOW / 2;

/** Who gets the messages of a call. */
export interface Reader {
  /** Whether it is to be given a message of so many bytes; others pass by, and nothing of them is kept. */
  wants(byteLength: number): boolean;
  /** A message as it came, which is not to be kept. */
  onMessage(message: Buffer): void;
}

/** A connection without TLS for gRPC calls with one request, whose answers do not end. It ends with the thread. */
export class BareSession {
  readonly #socket: Socket;
  readonly #streams = new Map<number, Messages>();
  #nextId = 1;
  #taken = 0;
  readonly #head = new Gathered(FRAME_HEAD);
  /** Of the frame whose head has come. */
  #frame: Frame | undefined;

  /** @param address `host:port` */
  constructor(address: string) {
    const colon = address.lastIndexOf(':');
    this.#socket = connect({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      noDelay: true,
      // Else each piece is an allocation outside the heap, and the collector runs because of those.
      onread: {
        buffer: Buffer.alloc(PIECE),
        callback: (bytes, buffer) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
          return true;
        },
      },
    });
    this.#socket.write(PREFACE);
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(INITIAL_WINDOW_SIZE);
    settings.writeUInt32BE(WINDOW, 2);
    this.#send(SETTINGS, 0, 0, settings);
    this.#giveBack(0, WINDOW - USUAL_WINDOW);
    this.#socket.on('error', (error) => fail(error));
    this.#socket.on('close', () => fail('the connection was closed'));
  }

  /** Begins a call. */
  call(headers: Readonly<Record<string, string>>, request: Uint8Array, reader: Reader): void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, new Messages(reader));
    this.#send(HEADERS, END_HEADERS, id, Buffer.concat(Object.entries(headers).map(literal)));
    const head = Buffer.alloc(MESSAGE_HEAD);
    head.writeUInt32BE(request.byteLength, 1);
    this.#send(DATA, END_STREAM, id, Buffer.concat([head, request]));
  }

  /** Frames begin and end anywhere in what is read at once; what is in them is handed on as it comes. */
  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.byteLength) {
      if (this.#frame === undefined) {
        at = this.#head.take(bytes, at, bytes.byteLength);
        if (this.#head.isFull) this.#begin(this.#head.give());
        continue;
      }
      const end = Math.min(bytes.byteLength, at + this.#frame.left);
      this.#frame.left -= end - at;
      this.#payload(this.#frame, bytes, at, end);
      at = end;
      if (this.#frame.left === 0) this.#end(this.#frame);
    }
  }

  #begin(head: Buffer): void {
    const [type = 0, flags = 0] = head.subarray(3);
    const left = head.readUIntBE(0, 3);
    const id = head.readUInt32BE(5);
    if (type === DATA && (flags & PADDED) !== 0) fail('padding, which is not expected');
    this.#frame = { type, flags, id, left, payload: type === DATA ? undefined : new Gathered(left) };
    if (left === 0) this.#end(this.#frame);
  }

  #payload({ id, payload }: Frame, bytes: Buffer, from: number, to: number): void {
    if (payload !== undefined) payload.take(bytes, from, to);
    else this.#data(id, bytes, from, to);
  }

  #end({ flags, id, payload, type }: Frame): void {
    this.#frame = undefined;
    const bytes = payload?.give() ?? NOTHING;
    if (type === SETTINGS || type === PING) {
      if ((flags & ACK) === 0) this.#send(type, ACK, 0, type === PING ? bytes : NOTHING);
    } else if (type === RST_STREAM || type === GOAWAY || (type === HEADERS && (flags & END_STREAM) !== 0))
      fail(`frame ${type} of stream ${id}: ${bytes.toString('latin1')}`);
  }

  #data(id: number, bytes: Buffer, from: number, to: number): void {
    const messages = this.#streams.get(id);
    if (messages === undefined) return;
    const size = to - from;
    this.#taken += size;
    if (this.#taken >= GIVE_BACK) this.#taken = this.#giveBack(0, this.#taken);
    messages.taken += size;
    if (messages.taken >= GIVE_BACK) messages.taken = this.#giveBack(id, messages.taken);
    messages.read(bytes, from, to);
  }

  #giveBack(id: number, bytes: number): 0 {
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(bytes);
    this.#send(WINDOW_UPDATE, 0, id, increment);
    return 0;
  }

  #send(type: number, flags: number, id: number, payload: Uint8Array): void {
    const head = Buffer.alloc(FRAME_HEAD);
    head.writeUIntBE(payload.byteLength, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(id, 5);
    this.#socket.write(Buffer.concat([head, payload]));
  }
}

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  /** Bytes that have not come yet. */
  left: number;
  /** Of all frames but DATA. */
  readonly payload: Gathered | undefined;
}

/** So many bytes, which may come in pieces. */
class Gathered {
  readonly #size: number;
  #bytes: Buffer = NOTHING;
  #filled = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get isFull(): boolean {
    return this.#filled === this.#size;
  }

  /** Answers where what is left begins. */
  take(bytes: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#size - this.#filled);
    if (this.#filled === 0 && end - from === this.#size) this.#bytes = bytes.subarray(from, end);
    else {
      if (this.#filled === 0) this.#bytes = Buffer.allocUnsafe(this.#size);
      bytes.copy(this.#bytes, this.#filled, from, end);
    }
    this.#filled += end - from;
    return end;
  }

  /** All of them, not to be kept; and begins again. */
  give(): Buffer {
    this.#filled = 0;
    return this.#bytes;
  }
}

/** The messages of one call. */
class Messages {
  /** Bytes that came since room was given back. */
  taken = 0;
  readonly #reader: Reader;
  readonly #head = new Gathered(MESSAGE_HEAD);
  #message: Gathered | undefined;
  /** Of a message that passes by. */
  #passing = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  read(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.#passing > 0) {
        const passed = Math.min(this.#passing, to - at);
        this.#passing -= passed;
        at += passed;
      } else if (this.#message === undefined) {
        at = this.#head.take(bytes, at, to);
        if (this.#head.isFull) this.#begin(this.#head.give().readUInt32BE(1));
      } else {
        at = this.#message.take(bytes, at, to);
        this.#giveIfWhole();
      }
    }
  }

  #begin(byteLength: number): void {
    if (!this.#reader.wants(byteLength)) {
      this.#passing = byteLength;
      return;
    }
    this.#message = new Gathered(byteLength);
    this.#giveIfWhole();
  }

  #giveIfWhole(): void {
    if (!this.#message?.isFull) return;
    const message = this.#message.give();
    this.#message = undefined;
    this.#reader.onMessage(message);
  }
}

/** A field that is not indexed, with a new name, not compressed: RFC 7541, 6.2.2. Name and value have up to 126 bytes. */
function literal([name, value]: readonly [string, string]): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

function fail(why: unknown): never {
  throw new Error('A subscription of the bench has ended', { cause: why });
}
