import { once } from 'node:events';
import net from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP proxy that can cut, refuse, or swallow what the server answers. */
export class Proxy {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #refusing = false;
  #swallowing = false;
  /** Connections that were made. */
  connections = 0;
  /** Where the connections go; may change. */
  target: number;

  private constructor(target: number) {
    this.target = target;
    this.#server = net.createServer((client) => this.#serve(client));
  }

  static async before(port: number): Promise<Proxy> {
    const proxy = new Proxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    onTestFinished(() => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** Resets all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  refuse(refusing: boolean): void {
    this.#refusing = refusing;
    if (refusing) this.cut();
  }

  /** Whether answers are lost on the way. */
  swallow(swallowing: boolean): void {
    this.#swallowing = swallowing;
  }

  #serve(client: net.Socket): void {
    this.connections += 1;
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect(this.target, '127.0.0.1');
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (!this.#swallowing) client.write(bytes);
    });
  }
}
