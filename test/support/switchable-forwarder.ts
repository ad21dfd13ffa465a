import net from 'node:net';

/** A TCP address whose target can be switched, as a virtual IP's can. */
export interface SwitchableForwarder {
  readonly port: number;
  /** New connections lead to this Unix socket, or are refused where there is none; those that are open are cut. */
  switchTo(socketPath: string | undefined): void;
  close(): Promise<void>;
}

export async function startSwitchableForwarder(socketPath: string): Promise<SwitchableForwarder> {
  const sockets = new Set<net.Socket>();
  let target: string | undefined = socketPath;
  const server = net.createServer((client) => {
    if (target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = net.connect(target);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    switchTo: (to) => {
      target = to;
      cut();
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
