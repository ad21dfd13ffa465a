import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { silentLogger } from '../../src/core/logger.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import { GrpcServer } from '../../src/grpc/server.js';
import type { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { systemRuntime } from '../../src/system.js';
import { groupsContract } from '../../src/testing/groups-contract.js';
import { groupStorageOn } from '../postgres/groups/storage-on.js';
import { emptyLogs, openDatabase, storeOn, type TestDatabase } from '../support/test-database.js';

describe('consumer groups over gRPC, on Postgres', () => {
  const logs = emptyLogs();
  const elsewhere = openDatabase();
  afterAll(async () => {
    await elsewhere.close();
    await logs.close();
  });
  groupsContract({ describe, it, expect, sleep }, async () => {
    const test = await logs.open();
    const other = { database: elsewhere, schema: test.schema };
    const store = storeOn(other);
    await store.start();
    const one = await serve(test.store, test);
    const two = await serve(store, other);
    return {
      store: one.connection.eventStore,
      groups: one.connection.consumerGroups,
      elsewhere: two.connection.consumerGroups,
      close: async () => {
        await one.close();
        await two.close();
        await store.stop();
        await test.close();
      },
    };
  });
});

/** An instance of the service, and a connection to it. */
async function serve(store: PostgresEventStore, at: Pick<TestDatabase, 'database' | 'schema'>) {
  const startedAt = systemRuntime.now();
  const server = new GrpcServer({
    namespaces: oneNamespace(store, at.schema, {
      // Half the lease, so that beats are twice as often and the tests take half the time.
      groupStorage: groupStorageOn(at, { leaseMs: 3000 }),
    }),
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
    connection,
    close: async () => {
      connection.close();
      await server.stop();
    },
  };
}
