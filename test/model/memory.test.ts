import { expect, it } from 'vitest';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { runModel } from './run-model.js';

const SEQUENCES = process.env['HEADWATER_TEST_REQUIRE_ALL'] ? 1000 : 500;

it(`the store in memory does what the model says, ${SEQUENCES} sequences of commands`, async () => {
  const store = createMemoryEventStore({ runtime: systemRuntime });
  // There is nothing to come back to after a restart.
  const commands = await runModel({ store: () => store, restart: () => Promise.resolve() }, SEQUENCES);
  console.log(`${SEQUENCES} sequences, ${commands} commands`);
  expect(commands).toBeGreaterThan(SEQUENCES * 5);
}, 300_000);
