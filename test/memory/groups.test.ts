import { describe, expect, it } from 'vitest';
import { createMemoryEventStore, MemoryGroupStorage } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, loaded, newEvent } from '../../src/testing/builders.js';
import { groupStorageContract } from '../../src/testing/group-storage-contract.js';

describe('groups in memory', () => {
  groupStorageContract(
    { describe, it, expect, sleep: (time) => systemRuntime.sleep(time) },
    async (options) => {
      const store = createMemoryEventStore({ runtime: systemRuntime });
      const storage = new MemoryGroupStorage({ ...options, store, runtime: systemRuntime });
      return {
        storage,
        store,
        acknowledge: async ({ nth, ...done }) => {
          const events = await loaded(store, { scope: { kind: 'STREAMS', streams: [done.stream] } });
          for (let count = events.length; count < nth; count++)
            await store.append(appendTo(done.stream, newEvent()));
          const now = await loaded(store, { scope: { kind: 'STREAM', stream: done.stream } });
          const position = now[nth - 1]?.position ?? 0n;
          return { done: storage.ack({ ...done, position }), position };
        },
        close: async () => undefined,
      };
    },
  );
});
