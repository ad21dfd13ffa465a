import { connect } from '../../src/client/connect.js';
import { BATCH_EVENTS, BATCHES_IN_FLIGHT } from '../fill-log.js';
import { copyIn } from '../floors/copy-in.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

/** A decision's few events, and an import's many. */
const BATCHES = [
  { events: 10, inFlight: 64 },
  { events: BATCH_EVENTS, inFlight: BATCHES_IN_FLIGHT },
];

/** Appends of several events to one stream each, all or none of them. */
export const batchAppend: Measurement = {
  id: 'batches',
  about: 'appends of several events each, beside COPY',
  async measure({ service, postgres, floorSchema, meter }, { rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const copying = await postgres.connect();
    const copyWalks = walks(BATCH_EVENTS);
    try {
      const results = await takeTurns({ rounds, meter }, [
        ...BATCHES.map(({ events, inFlight }) => {
          const ourWalks = walks(inFlight);
          return (latency: Latency) =>
            keepInFlight(ourWalks, turnMilliseconds, async (walk) => {
              await latency.of(() => connection.eventStore.append(walk.request(events)));
              return events;
            });
        }),
        () => keepInFlight([copying], turnMilliseconds, (client) => copyIn(client, floorSchema, copyWalks)),
      ]);
      return BATCHES.map(({ events, inFlight }, ours) =>
        compare(
          results,
          { ours, floor: BATCHES.length },
          {
            id: 'batches',
            what: `appends of ${events} events, ${inFlight} in flight`,
            unit: 'events/s',
            floor: `one client, binary COPY of ${BATCH_EVENTS} rows a transaction`,
          },
        ),
      );
    } finally {
      connection.close();
      await copying.end();
    }
  },
};
