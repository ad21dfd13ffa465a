import { connect, type Connection } from '../client/connect.js';
import { loadConfig } from '../config.js';
import { StoreUnavailableError } from '../core/errors.js';
import { DEFAULT_ADDRESS } from './connection-options.js';
import { credentialsFrom } from './credential-options.js';

/** A service to show the tour on. */
export interface TourService {
  readonly connection: Connection;
  /** In words: where it is, and whether it was started for the tour. */
  readonly where: string;
  close(): Promise<void>;
}

const PATIENCE = 2000;

/**
 * The service at the address; if none answers at the default address, one on the embedded Postgres, which is started for
 * as long as the tour takes. Fails as `serve` does, or with `StoreUnavailableError` for another address.
 */
export async function openTourService(
  address: string | undefined,
  { data, namespace }: { readonly data: string | undefined; readonly namespace: string | undefined },
): Promise<TourService> {
  const connection = connect({
    address: address ?? DEFAULT_ADDRESS,
    ...credentialsFrom({}),
    ...(namespace === undefined ? {} : { namespace }),
  });
  try {
    await connection.waitForReady({ timeoutMs: address === undefined ? PATIENCE : 10_000 });
    return {
      connection,
      where: `the service at ${address ?? DEFAULT_ADDRESS}`,
      close: async () => connection.close(),
    };
  } catch (error) {
    connection.close();
    if (address !== undefined || !(error instanceof StoreUnavailableError)) throw error;
  }
  const { config } = loadConfig({
    grpcPort: 0,
    httpPort: 0,
    ...(data === undefined ? {} : { data }),
    // A service of the tour's own has no other log than its default one.
    ...(namespace === undefined ? {} : { namespace }),
  });
  const { startService } = await import('../server.js');
  const { createLogger } = await import('../telemetry/logger.js');
  const service = await startService(config, createLogger('warn'));
  const own = connect({ address: service.grpcAddress });
  return {
    connection: own,
    where: `a service of the tour's own, on ${service.database}`,
    close: async () => {
      own.close();
      await service.stop();
    },
  };
}
