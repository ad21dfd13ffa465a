import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { serveChild } from '../serve-child.js';

/** Serves a floor of grpc-js on a port of its own, until the load generator ends it. */
export async function serveFloor(server: Server, onStop?: () => Promise<void>): Promise<void> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  serveChild(`127.0.0.1:${port}`, async () => {
    server.forceShutdown();
    await onStop?.();
  });
}
