import { describe, expect, it } from 'vitest';
import { createMemoryEventStore, MemoryGroupStorage } from '../../../src/memory/index.js';
import { GroupHost } from '../../../src/subscriptions/groups/group-host.js';
import { systemRuntime as runtime } from '../../../src/system.js';
import { groupsContract } from '../../../src/testing/groups-contract.js';

describe('consumer groups in memory', () => {
  // Side by side: most of the time each waits for a beat.
  const side = (name: string, body: () => Promise<void>) => it.concurrent(name, body, 60_000);
  groupsContract({ describe, it: side, expect, sleep: (time) => runtime.sleep(time) }, async () => {
    const store = createMemoryEventStore({ runtime });
    const storage = new MemoryGroupStorage({ runtime, store, leaseMs: 900, releaseMs: 900 });
    const groups = new GroupHost({ log: store, storage, runtime });
    const elsewhere = new GroupHost({ log: store, storage, runtime });
    const close = async () => {
      await groups.stop();
      await elsewhere.stop();
    };
    return { groups, elsewhere, store, close };
  });
});
