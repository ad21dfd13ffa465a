/** What the driver asks a connection to bind to a statement. */
export interface Bind {
  readonly portal?: string | undefined;
  /** The name of a prepared statement; nothing for the one without a name. */
  readonly statement?: string | undefined;
  readonly values?: readonly Bound[] | undefined;
  /** Whether rows are to come in their binary form. */
  readonly binary?: boolean | undefined;
  /** Makes a value, which may be anything then, into what can be sent. Throws for what cannot. */
  valueMapper?(value: unknown, index: number): Bound;
}

/** Bytes in the binary form of the type, a text, or nothing. */
type Bound = Buffer | string | null;

const BIND = 'B'.charCodeAt(0);
/** The length counts itself, and not the letter in front. */
const HEAD = 1;
const INT32 = 4;
const INT16 = 2;
const TEXT = 0;
const BINARY = 1;

/**
 * A Bind message, in one buffer of the right size. The driver's own grows with each value: for a group of appends that was a
 * quarter megabyte outside of V8's heap instead of 60 KB, and its collector runs for what lies there.
 *
 * Layout: https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BIND
 */
export function bindMessage(bind: Bind): Buffer {
  const { binary = false, portal = '', statement = '', values = [] } = bind;
  const sizes: number[] = [];
  let size = HEAD + INT32 + Buffer.byteLength(portal) + 1 + Buffer.byteLength(statement) + 1;
  const parts = values.map((value, index) => {
    const part = bind.valueMapper ? bind.valueMapper(value, index) : value;
    const length = part === null ? 0 : Buffer.byteLength(part);
    sizes.push(length);
    size += INT16 + INT32 + length;
    return part;
  });
  size += INT16 + INT16 + INT16 + INT16;
  const message = Buffer.allocUnsafe(size);
  message[0] = BIND;
  let at = message.writeInt32BE(size - HEAD, HEAD);
  at = writeName(message, at, portal);
  at = writeName(message, at, statement);
  at = message.writeInt16BE(parts.length, at);
  for (const part of parts)
    at = message.writeInt16BE(part === null || typeof part === 'string' ? TEXT : BINARY, at);
  at = message.writeInt16BE(parts.length, at);
  for (const [index, part] of parts.entries()) {
    if (part === null) {
      at = message.writeInt32BE(-1, at);
      continue;
    }
    at = message.writeInt32BE(sizes[index] ?? 0, at);
    at += typeof part === 'string' ? message.write(part, at) : part.copy(message, at);
  }
  // One format for all columns.
  at = message.writeInt16BE(1, at);
  message.writeInt16BE(binary ? BINARY : TEXT, at);
  return message;
}

function writeName(message: Buffer, at: number, name: string): number {
  const end = at + message.write(name, at);
  message[end] = 0;
  return end + 1;
}
