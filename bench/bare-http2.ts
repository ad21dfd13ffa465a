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

interface Stream {
  readonly onMessage: (message: Buffer) => void;
  /** Of a message that has not come as a whole. */
  rest: Buffer;
  taken: number;
}

/** A connection without TLS for gRPC calls with one request, whose answers do not end. It ends with the thread. */
export class BareSession {
  readonly #socket: Socket;
  readonly #streams = new Map<number, Stream>();
  #nextId = 1;
  #taken = 0;
  #rest: Buffer = NOTHING;

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

  /** Begins a call; `onMessage` gets each message as it came, and does not keep it. */
  call(headers: Readonly<Record<string, string>>, request: Uint8Array, onMessage: Stream['onMessage']): void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, { onMessage, rest: NOTHING, taken: 0 });
    this.#send(HEADERS, END_HEADERS, id, Buffer.concat(Object.entries(headers).map(literal)));
    const head = Buffer.alloc(MESSAGE_HEAD);
    head.writeUInt32BE(request.byteLength, 1);
    this.#send(DATA, END_STREAM, id, Buffer.concat([head, request]));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.byteLength - at >= FRAME_HEAD) {
      const begin = at + FRAME_HEAD;
      const end = begin + bytes.readUIntBE(at, 3);
      if (end > bytes.byteLength) break;
      this.#frame(bytes, {
        begin,
        end,
        type: bytes[at + 3] ?? 0,
        flags: bytes[at + 4] ?? 0,
        id: bytes.readUInt32BE(at + 5),
      });
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  #frame(bytes: Buffer, { begin, end, flags, id, type }: Frame): void {
    if (type === DATA) {
      if ((flags & PADDED) !== 0) fail('padding, which is not expected');
      this.#data(id, bytes, begin, end);
    } else if (type === SETTINGS || type === PING) {
      if ((flags & ACK) === 0) this.#send(type, ACK, 0, type === PING ? bytes.subarray(begin, end) : NOTHING);
    } else if (type === RST_STREAM || type === GOAWAY || (type === HEADERS && (flags & END_STREAM) !== 0))
      fail(`frame ${type} of stream ${id}: ${bytes.toString('latin1', begin, end)}`);
  }

  #data(id: number, bytes: Buffer, begin: number, end: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const size = end - begin;
    this.#taken += size;
    if (this.#taken >= GIVE_BACK) this.#taken = this.#giveBack(0, this.#taken);
    stream.taken += size;
    if (stream.taken >= GIVE_BACK) stream.taken = this.#giveBack(id, stream.taken);
    const piece = bytes.subarray(begin, end);
    const came = stream.rest.byteLength === 0 ? piece : Buffer.concat([stream.rest, piece]);
    let at = 0;
    while (came.byteLength - at >= MESSAGE_HEAD) {
      const message = at + MESSAGE_HEAD;
      const messageEnd = message + came.readUInt32BE(at + 1);
      if (messageEnd > came.byteLength) break;
      stream.onMessage(came.subarray(message, messageEnd));
      at = messageEnd;
    }
    stream.rest = at === came.byteLength ? NOTHING : Buffer.from(came.subarray(at));
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
  readonly begin: number;
  readonly end: number;
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
