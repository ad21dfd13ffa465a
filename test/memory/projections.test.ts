import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createMemoryEventStore, createMemoryProjections } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { projectionsContract } from '../../src/testing/projections-contract.js';

describe('projections in memory', () => {
  projectionsContract({ describe, it, expect, sleep }, async (leaseMs) => {
    const store = createMemoryEventStore({ runtime: systemRuntime });
    return {
      store,
      projections: createMemoryProjections({ store, runtime: systemRuntime, leaseMs }),
      close: async () => undefined,
    };
  });
});
