import { connect } from '../../src/client/connect.js';
import { BATCH_EVENTS, BATCHES_IN_FLIGHT } from '../fill-log.js';
import { copyIn } from '../floors/copy-in.js';
import { keepInFlight } from '../in-flight.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

/** Appends of many events to one stream each, as an import makes them. */
export const batchAppend: Measurement = {
  id: 'batches',
  about: 'appends of many events each, as an import makes them, beside COPY',
  async measure({ service, postgres, floorSchema, meter }, { rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const copying = await postgres.connect();
    const ourWalks = walks(BATCHES_IN_FLIGHT);
    const copyWalks = walks(BATCH_EVENTS);
    try {
      const results = await takeTurns({ rounds, meter }, [
        (latency) =>
          keepInFlight(ourWalks, turnMilliseconds, async (walk) => {
            await latency.of(() => connection.eventStore.append(walk.request(BATCH_EVENTS)));
            return BATCH_EVENTS;
          }),
        () => keepInFlight([copying], turnMilliseconds, (client) => copyIn(client, floorSchema, copyWalks)),
      ]);
      return [
        compare(
          results,
          { ours: 0, floor: 1 },
          {
            id: 'batches',
            what: `appends of ${BATCH_EVENTS} events, ${BATCHES_IN_FLIGHT} in flight`,
            unit: 'events/s',
            floor: `one client, binary COPY of ${BATCH_EVENTS} rows a transaction`,
          },
        ),
      ];
    } finally {
      connection.close();
      await copying.end();
    }
  },
};
