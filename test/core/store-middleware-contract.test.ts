import { describe, expect, it } from 'vitest';
import type { MiddlewareOptions } from '../../src/core/middleware-failures.js';
import { withMiddleware } from '../../src/core/middleware-store.js';
import type { StoreMiddleware } from '../../src/core/store-middleware.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { eventStoreContract } from '../../src/testing/index.js';

const inverted = (data: Uint8Array) => data.map((byte) => byte ^ 0xff);

/** What is stored is not what is sent, and takes a moment. */
const inverting: StoreMiddleware = {
  name: 'inverting',
  beforeAppend: async (event) => {
    await Promise.resolve();
    return { ...event, data: inverted(event.data) };
  },
  onLoad: (event) => ({ ...event, data: inverted(event.data) }),
};

/** Changes nothing, at every place where something could be changed. */
const passing: StoreMiddleware = {
  name: 'passing',
  beforeAppend: (event) => ({ ...event }),
  afterAppend: () => Promise.resolve(),
  onLoad: (event) => Promise.resolve(event),
  append: (next) => next,
  load: (next) => (request, options) => next(request, options),
  subscribe: (next) => (request, options) => next(request, options),
};

const options: MiddlewareOptions = {
  onAfterAppendFailure: (error) => {
    throw error;
  },
};

describe('a store with middleware keeps the contract', () => {
  eventStoreContract({ describe, it, expect, sleep: (time) => systemRuntime.sleep(time) }, async () => ({
    store: withMiddleware(
      createMemoryEventStore({ runtime: systemRuntime }),
      [passing, inverting, passing],
      options,
    ),
    close: async () => undefined,
  }));
});
