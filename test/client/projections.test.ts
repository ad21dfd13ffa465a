import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { projectionsContract } from '../../src/testing/projections-contract.js';
import { projectionsOn } from '../postgres/projections/projections-on.js';
import { sharedServer } from '../support/shared-server.js';
import { emptyLogs } from '../support/test-database.js';

describe('projections over gRPC, on Postgres', () => {
  const logs = emptyLogs();
  const server = sharedServer();
  afterAll(async () => {
    await server.stop();
    await logs.close();
  });
  projectionsContract({ describe, it, expect, sleep }, async (leaseMs) => {
    const test = await logs.open();
    const projections = projectionsOn(test, leaseMs);
    const served = await server.serve(test.store, { projections });
    return {
      store: served.connection.eventStore,
      projections: served.connection.projections,
      close: async () => {
        served.close();
        await test.close();
      },
    };
  });
});
