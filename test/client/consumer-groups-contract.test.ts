import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { groupsContract } from '../../src/testing/groups-contract.js';
import { groupStorageOn } from '../postgres/groups/storage-on.js';
import { sharedServer } from '../support/shared-server.js';
import { emptyLogs, openDatabase, storeOn } from '../support/test-database.js';

describe('consumer groups over gRPC, on Postgres', () => {
  const logs = emptyLogs();
  const database = openDatabase();
  const servers = [sharedServer(), sharedServer()] as const;
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await database.close();
    await logs.close();
  });
  // A quarter of the usual lease, so that beats are more often and the tests take less time.
  const storage = (at: Parameters<typeof groupStorageOn>[0]) =>
    groupStorageOn(at, { leaseMs: 1500, releaseMs: 1500 });
  groupsContract({ describe, it, expect, sleep }, async () => {
    const test = await logs.open();
    const other = { database, schema: test.schema };
    const store = storeOn(other);
    await store.start();
    const one = await servers[0].serve(test.store, { groupStorage: storage(test) });
    const two = await servers[1].serve(store, { groupStorage: storage(other) });
    return {
      store: one.connection.eventStore,
      groups: one.connection.consumerGroups,
      elsewhere: two.connection.consumerGroups,
      close: async () => {
        one.close();
        two.close();
        await store.stop();
        await test.close();
      },
    };
  });
});
