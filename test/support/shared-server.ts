import { type Connection, connect } from '../../src/client/connect.js';
import type { EventStore } from '../../src/core/event-store.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { silentLogger } from '../../src/core/logger.js';
import { oneNamespace, type ServedNamespace } from '../../src/grpc/served-namespaces.js';
import { GrpcServer } from '../../src/grpc/server.js';
import { systemRuntime } from '../../src/system.js';

/** What one test sees of a {@link sharedServer}. */
export interface Served {
  readonly connection: Connection;
  close(): void;
}

/**
 * One server for the tests of a file, one after the other, each with a store and a connection of its own: to make and stop a
 * server takes longer than most of what they ask it.
 *
 * @example
 * const server = sharedServer();
 * afterAll(() => server.stop());
 */
export function sharedServer(): {
  serve(store: EventStore, more?: Pick<ServedNamespace, 'groupStorage' | 'projections'>): Promise<Served>;
  stop(): Promise<void>;
} {
  const name = 'shared';
  let served: ServedNamespace | undefined;
  const of = () => {
    if (served === undefined) throw new TypeError('Nothing is served between two tests');
    return served;
  };
  let server: GrpcServer | undefined;
  return {
    serve: async (store, more = {}) => {
      const gone = new AbortController();
      served = { ...more, store, gone: gone.signal };
      server ??= new GrpcServer({
        namespaces: { ...oneNamespace(store, name), of },
        logger: silentLogger,
        runtime: systemRuntime,
        info: (namespace) => ({
          version: '0',
          namespace,
          postgresVersion: '0',
          startedAt: systemRuntime.now(),
          limits: DEFAULT_LIMITS,
        }),
      });
      const connection = connect({ address: `127.0.0.1:${await server.start()}` });
      return {
        connection,
        close: () => {
          connection.close();
          gone.abort(new Error('The test is over'));
          served = undefined;
        },
      };
    },
    stop: async () => {
      await server?.stop();
    },
  };
}
