import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { silentLogger } from '../../src/core/logger.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import { GrpcServer } from '../../src/grpc/server.js';
import { systemRuntime } from '../../src/system.js';
import { eventStoreContract } from '../../src/testing/index.js';
import { emptyLogs } from '../support/test-database.js';

describe('the store over gRPC, on Postgres', () => {
  const logs = emptyLogs();
  afterAll(() => logs.close());
  eventStoreContract({ describe, it, expect, sleep }, async () => {
    const test = await logs.open();
    const startedAt = systemRuntime.now();
    const server = new GrpcServer({
      namespaces: oneNamespace(test.store, test.schema),
      logger: silentLogger,
      runtime: systemRuntime,
      info: (namespace) => ({
        version: '0',
        namespace,
        postgresVersion: '0',
        startedAt,
        limits: DEFAULT_LIMITS,
      }),
    });
    const connection = connect({ address: `127.0.0.1:${await server.start()}` });
    return {
      store: connection.eventStore,
      close: async () => {
        connection.close();
        await server.stop();
        await test.close();
      },
    };
  });
});
