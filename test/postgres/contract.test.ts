import { describe, expect, it } from 'vitest';
import { systemRuntime } from '../../src/system.js';
import { eventStoreContract } from '../../src/testing/index.js';
import { openTestStore } from '../support/test-database.js';

describe('the store on Postgres', () => {
  eventStoreContract({ describe, it, expect, sleep: (time) => systemRuntime.sleep(time) }, () =>
    openTestStore(),
  );
});
