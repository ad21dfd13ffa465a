import net from 'node:net';

/** As much as a server that writes to a local socket can be ahead. */
const RECEIVED_BYTES = 256 * 1024;
/** What came last, of whichever connection: who receives it has done with it before another can come. */
const received = Buffer.allocUnsafeSlow(RECEIVED_BYTES);

/**
 * A connection to the database for much that is read: all that comes, comes into the same memory. Of its own, Node takes
 * 64 KiB for each piece that comes, and a server sends 8 KiB at a time.
 */
export class RowSocket extends net.Socket {
  /**
   * Whether who listens to `data` keeps nothing of it. The driver does, and gets copies.
   * @default false
   */
  lends = false;

  constructor() {
    const options: net.SocketConstructorOpts & net.ConnectOpts = {
      onread: {
        buffer: received,
        callback: (length) => {
          const bytes = received.subarray(0, length);
          this.emit('data', this.lends ? bytes : Buffer.from(bytes));
          return true;
        },
      },
    };
    super(options);
  }
}

/** What the driver asks for a stream; it wraps one for TLS itself, and then that receives. */
export function rowStream(config?: { readonly ssl?: unknown }): net.Socket {
  return config?.ssl ? new net.Socket() : new RowSocket();
}
