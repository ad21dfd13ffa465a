import { tmpdir } from 'node:os';
import { connect } from '../../src/client/connect.js';
import { startChild } from '../child.js';
import { keepInFlight } from '../in-flight.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

const IN_FLIGHT = 256;

/** Two instances of the service on one log, beside one; they meet at the lock of the log's head, and at the cores. */
export const instances: Measurement = {
  id: 'instances',
  about: 'appends through two instances of the service on one log, beside one',
  long: true,
  async measure({ service, postgres, schema, meter }, { rounds, turnMilliseconds }) {
    const second = await startChild('./service-process.js', {
      input: { databaseUrl: postgres.url, schema },
      cwd: tmpdir(),
    });
    const toFirst = [connect({ address: service.address }), connect({ address: service.address })];
    const toBoth = [connect({ address: service.address }), connect({ address: second.address })];
    const appends = (connections: typeof toBoth) => {
      const appending = walks(IN_FLIGHT).map((walk, index) => ({
        walk,
        eventStore: connections[index % connections.length]?.eventStore,
      }));
      return () =>
        keepInFlight(appending, turnMilliseconds, async ({ walk, eventStore }) => {
          await eventStore?.append(walk.request());
          return 1;
        });
    };
    try {
      const results = await takeTurns({ rounds, meter: meter.with({ clients: [second.pid] }) }, [
        appends(toBoth),
        appends(toFirst),
      ]);
      return [
        compare(
          results,
          { ours: 0, floor: 1 },
          {
            id: 'instances',
            what: `appends through two instances on one log, ${IN_FLIGHT} in flight`,
            unit: 'events/s',
            floor: 'the same through one, over two connections',
          },
        ),
      ];
    } finally {
      for (const connection of [...toFirst, ...toBoth]) connection.close();
      await second.stop();
    }
  },
};
