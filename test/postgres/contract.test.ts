import { describe, expect, it } from 'vitest';
import { eventStoreContract } from '../../src/testing/index.js';
import { openTestStore } from '../support/test-database.js';

describe('the store on Postgres', () => {
  eventStoreContract({ describe, it, expect }, () => openTestStore());
});
