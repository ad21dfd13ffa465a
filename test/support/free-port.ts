import { createServer } from 'node:net';

/** The ephemeral range begins at 32768; what lies in it may be taken by any outgoing connection at any time. */
const FIRST = 20_000;
const COUNT = 12_000;

/** A port of 127.0.0.1 below the ephemeral range, for a server that must come back on the same one after a crash. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port from ${FIRST} to ${FIRST + COUNT - 1}`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
