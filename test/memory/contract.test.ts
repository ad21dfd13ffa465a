import { describe, expect, it } from 'vitest';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { eventStoreContract } from '../../src/testing/index.js';

describe('the store in memory', () => {
  eventStoreContract({ describe, it, expect, sleep: (time) => systemRuntime.sleep(time) }, async () => ({
    store: createMemoryEventStore({ runtime: systemRuntime }),
    close: async () => undefined,
  }));
});
