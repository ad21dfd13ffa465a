import { inject } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import type { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { FaultProxy, through } from './fault-proxy.js';
import { openTestDatabase, storeOn, type TestDatabase } from './test-database.js';

/** A started store behind a proxy that can lose what Postgres answers. */
export interface ProxiedStore {
  /** The same schema, past the proxy. */
  readonly direct: TestDatabase;
  readonly proxy: FaultProxy;
  readonly store: PostgresEventStore;
  close(): Promise<void>;
}

/** It gives a lost answer up after 1.5 s. */
export async function openProxiedStore(statementTimeoutMilliseconds: number): Promise<ProxiedStore> {
  const direct = await openTestDatabase();
  const proxy = await FaultProxy.before(inject('connection'));
  const database = new Database({
    connection: through(proxy, inject('connection')),
    connectTimeoutMilliseconds: 500,
    statementTimeoutMilliseconds,
  });
  const store = storeOn({ database, schema: direct.schema }, { groupCommit: { resolveMilliseconds: 1500 } });
  await store.start();
  return {
    direct,
    proxy,
    store,
    close: async () => {
      proxy.cut(false);
      await store.stop();
      await database.close();
      await proxy.close();
      await direct.close();
    },
  };
}
