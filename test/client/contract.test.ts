import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { eventStoreContract } from '../../src/testing/index.js';
import { sharedServer } from '../support/shared-server.js';
import { emptyLogs } from '../support/test-database.js';

describe('the store over gRPC, on Postgres', () => {
  const logs = emptyLogs();
  const server = sharedServer();
  afterAll(async () => {
    await server.stop();
    await logs.close();
  });
  eventStoreContract({ describe, it, expect, sleep }, async () => {
    const test = await logs.open();
    const served = await server.serve(test.store);
    return {
      store: served.connection.eventStore,
      close: async () => {
        served.close();
        await test.close();
      },
    };
  });
});
