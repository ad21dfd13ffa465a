import { describe, expect, it } from 'vitest';
import { GroupHost } from '../../src/subscriptions/groups/group-host.js';
import { systemRuntime as runtime } from '../../src/system.js';
import { groupsContract } from '../../src/testing/groups-contract.js';
import { openTestStore } from '../support/test-database.js';
import { groupStorageOn } from './groups/storage-on.js';

describe('consumer groups on Postgres', () => {
  // Side by side: most of the time each waits for a database of its own, or for a beat.
  const side = (name: string, body: () => Promise<void>) => it.concurrent(name, body, 60_000);
  groupsContract({ describe, it: side, expect, sleep: (time) => runtime.sleep(time) }, async () => {
    const opened = await openTestStore();
    const { store } = opened;
    const instance = () =>
      new GroupHost({
        log: store,
        storage: groupStorageOn(opened, { leaseMs: 1500, releaseMs: 1500 }),
        runtime,
      });
    const groups = instance();
    const elsewhere = instance();
    const close = async () => {
      await groups.stop();
      await elsewhere.stop();
      await opened.close();
    };
    return { groups, elsewhere, store, close };
  });
});
