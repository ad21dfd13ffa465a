import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { projectionsContract } from '../../../src/testing/projections-contract.js';
import { emptyLogs } from '../../support/test-database.js';
import { projectionsOn } from './projections-on.js';

describe('projections on Postgres', () => {
  const logs = emptyLogs();
  afterAll(() => logs.close());
  projectionsContract({ describe, it, expect, sleep }, async (leaseMs) => {
    const test = await logs.open();
    return { store: test.store, projections: projectionsOn(test, leaseMs), close: () => test.close() };
  });
});
