import { expect, it } from 'vitest';
import { storeOn, openTestDatabase } from '../support/test-database.js';
import { runModel } from './run-model.js';

// In CI two thousand in all; a person waits for less.
const SEQUENCES = process.env['HEADWATER_TEST_REQUIRE_ALL'] ? 1000 : 200;

for (const half of [1, 2])
  it.concurrent(`the store on Postgres does what the model says, ${SEQUENCES} sequences of commands, part ${half} of 2`, async () => {
    const test = await openTestDatabase();
    // A sweep that comes often falls between the commands.
    const open = () => storeOn(test, { sweep: { intervalMilliseconds: 20, share: 1 } });
    let store = open();
    await store.start();
    try {
      const commands = await runModel(
        {
          store: () => store,
          restart: async () => {
            await store.stop();
            store = open();
            await store.start();
          },
        },
        SEQUENCES,
      );
      console.log(`${SEQUENCES} sequences, ${commands} commands`);
      expect(commands).toBeGreaterThan(SEQUENCES * 5);
    } finally {
      await store.stop();
      await test.close();
    }
  }, 300_000);
