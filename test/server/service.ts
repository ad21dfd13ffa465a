import { onTestFinished } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import { silentLogger } from '../../src/core/logger.js';
import { type Service, startService } from '../../src/server.js';

/** A whole service in this process, and a connection to it. */
export interface TestService {
  readonly service: Service;
  readonly connection: Connection;
}

/** Starts one on free ports, which ends with the test. */
export async function serve(
  databaseUrl: string,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<TestService> {
  const { config } = loadConfig(
    { databaseUrl, grpcPort: 0, httpPort: 0, drainTimeoutMs: 1000, ...flags },
    undefined,
    {},
  );
  const service = await startService(config, silentLogger);
  const connection = connect({ address: service.grpcAddress, timeoutMs: 20_000 });
  onTestFinished(async () => {
    connection.close();
    await service.stop();
  });
  return { service, connection };
}
