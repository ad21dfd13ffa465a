import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { silentLogger } from '../../src/core/logger.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import { GrpcServer } from '../../src/grpc/server.js';
import { systemRuntime } from '../../src/system.js';
import { projectionsContract } from '../../src/testing/projections-contract.js';
import { projectionsOn } from '../postgres/projections/projections-on.js';
import { emptyLogs } from '../support/test-database.js';

describe('projections over gRPC, on Postgres', () => {
  const logs = emptyLogs();
  const ends: Promise<void>[] = [];
  afterAll(async () => {
    await Promise.all(ends);
    await logs.close();
  });
  projectionsContract({ describe, it, expect, sleep }, async (leaseMs) => {
    const test = await logs.open();
    const projections = projectionsOn(test, leaseMs);
    const server = new GrpcServer({
      namespaces: oneNamespace(test.store, test.schema, { projections }),
      logger: silentLogger,
      runtime: systemRuntime,
      info: (namespace) => ({
        version: '0',
        namespace,
        postgresVersion: '0',
        startedAt: 0n,
        limits: DEFAULT_LIMITS,
      }),
    });
    const connection = connect({ address: `127.0.0.1:${await server.start()}` });
    return {
      store: connection.eventStore,
      projections: connection.projections,
      close: async () => {
        connection.close();
        // Nothing is under way, so the next test need not wait.
        ends.push(server.stop().then(() => test.close()));
      },
    };
  });
});
