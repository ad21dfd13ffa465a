import { expect, it } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { openTestStore } from '../support/test-database.js';
import { startService } from '../grpc/service.js';
import { runModel } from './run-model.js';

const SEQUENCES = process.env['HEADWATER_TEST_REQUIRE_ALL'] ? 200 : 100;

it(`the store over gRPC does what the model says, ${SEQUENCES} sequences of commands`, async () => {
  const test = await openTestStore({ sweep: { intervalMilliseconds: 20, share: 1 } });
  const { address } = await startService(test.store);
  let connection: Connection = connect({ address });
  try {
    const commands = await runModel(
      {
        store: () => connection.eventStore,
        restart: () => {
          connection.close();
          connection = connect({ address });
          return Promise.resolve();
        },
      },
      SEQUENCES,
    );
    console.log(`${SEQUENCES} sequences, ${commands} commands`);
    expect(commands).toBeGreaterThan(SEQUENCES * 5);
  } finally {
    connection.close();
    await test.close();
  }
}, 300_000);
