import net from 'node:net';
import type { DatabaseOptions } from '../../src/postgres/database.js';

/** ReadyForQuery, idle: the server has committed. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** FATAL, admin_shutdown: the last that `pg_terminate_backend` has a session say. */
const TERMINATED = Buffer.from(
  'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0',
);

/**
 * A TCP proxy in front of Postgres that can lose what a client must not count on. `loseNextReplyTo` lets a statement run to
 * its commit and then cuts the connection in place of the answer: the only sure way to "committed, but nobody knows".
 */
export class FaultProxy {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #target: () => net.Socket;
  #loseAfter: Buffer | undefined;
  #thenRefuse = false;
  #passing = 0;
  #refuse = false;
  #endNew = 0;
  lost = 0;
  readonly #counted: { readonly text: Buffer; count: number }[] = [];

  private constructor(target: () => net.Socket) {
    this.#target = target;
    this.#server = net.createServer((client) => this.#serve(client));
  }

  static async before(connection: DatabaseOptions['connection']): Promise<FaultProxy> {
    const proxy = new FaultProxy(() => connectTo(connection));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /**
   * The next statement that has these bytes commits, and its answer is lost; then all else may be cut off too.
   * @param options.passing answers that are passed on before: then it is the answer to a statement sent behind that one
   */
  loseNextReplyTo(
    text: string,
    options: { readonly thenRefuse?: boolean; readonly passing?: number } = {},
  ): void {
    this.#loseAfter = Buffer.from(text);
    this.#thenRefuse = options.thenRefuse ?? false;
    this.#passing = options.passing ?? 0;
  }

  /** So many new sessions are told that they are over in the same bytes that say that they have begun. */
  endNewSessions(count: number): void {
    this.#endNew = count;
  }

  /** How many messages with these bytes have gone to the server since. */
  counting(text: string): () => number {
    const counted = { text: Buffer.from(text), count: 0 };
    this.#counted.push(counted);
    return () => counted.count;
  }

  /** Cuts all connections, and refuses or takes new ones. */
  cut(refuse: boolean): void {
    this.#refuse = refuse;
    // Only TCP knows resets; Postgres may be behind a Unix socket.
    for (const socket of this.#sockets) {
      if (socket.remoteFamily) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut(true);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: net.Socket): void {
    if (this.#refuse) {
      client.resetAndDestroy();
      return;
    }
    const server = this.#target();
    let losing = false;
    let begun = false;
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (chunk) => {
      for (const counted of this.#counted) if (chunk.includes(counted.text)) counted.count += 1;
      if (this.#loseAfter && chunk.includes(this.#loseAfter)) {
        this.#loseAfter = undefined;
        losing = true;
      }
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      const begins = !begun && chunk.includes(READY);
      begun ||= begins;
      if (begins && this.#endNew > 0) {
        this.#endNew -= 1;
        this.lost += 1;
        const header = Buffer.from([0x45, 0, 0, 0, 4 + TERMINATED.byteLength]);
        client.end(Buffer.concat([chunk, header, TERMINATED]), () => server.destroy());
        return;
      }
      if (!losing) {
        client.write(chunk);
        return;
      }
      const end = chunk.indexOf(READY);
      if (end < 0) return;
      if (this.#passing > 0) {
        this.#passing -= 1;
        client.write(chunk.subarray(0, end + READY.byteLength));
        server.unshift(chunk.subarray(end + READY.byteLength));
      } else {
        this.lost += 1;
        client.resetAndDestroy();
        server.destroy();
        if (this.#thenRefuse) this.cut(true);
      }
    });
  }
}

function connectTo(connection: DatabaseOptions['connection']): net.Socket {
  if ('connectionString' in connection) {
    const url = new URL(connection.connectionString);
    return net.connect({ host: url.hostname || '127.0.0.1', port: Number(url.port || 5432) });
  }
  if (connection.host.startsWith('/')) return net.connect(`${connection.host}/.s.PGSQL.${connection.port}`);
  return net.connect({ host: connection.host, port: connection.port });
}

/** The same database through the proxy. */
export function through(
  proxy: FaultProxy,
  connection: DatabaseOptions['connection'],
): DatabaseOptions['connection'] {
  if ('connectionString' in connection) {
    const url = new URL(connection.connectionString);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    return { connectionString: url.toString() };
  }
  return { ...connection, host: '127.0.0.1', port: proxy.port };
}
