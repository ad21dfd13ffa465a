import { afterAll, describe, expect, it } from 'vitest';
import { systemRuntime } from '../../src/system.js';
import { eventStoreContract } from '../../src/testing/index.js';
import { emptyLogs } from '../support/test-database.js';

describe('the store on Postgres', () => {
  const logs = emptyLogs();
  afterAll(() => logs.close());
  eventStoreContract({ describe, it, expect, sleep: (time) => systemRuntime.sleep(time) }, () => logs.open());
});
