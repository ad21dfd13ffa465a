import { connect } from '../../src/client/connect.js';
import { copyIn } from '../floors/copy-in.js';
import { insertRow } from '../floors/insert.js';
import { keepInFlight } from '../in-flight.js';
import { takeTurns, type Turn } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { StreamWalk, walks } from '../workload.js';

const IN_FLIGHT = 256;
const CLIENTS = 8;

/** Concurrent appends of one event each through the TypeScript client, which pipelines them by itself. */
export const pipelinedAppend: Measurement = {
  id: 'S1',
  about: 'pipelined appends of one event, beside COPY and INSERT',
  quick: true,
  async measure(stage, { rounds, turnMilliseconds }) {
    const { composedService, floorSchema, meter, postgres, service } = stage;
    const connection = connect({ address: service.address });
    const composed = connect({ address: composedService.address });
    const inserting = await Promise.all(
      Array.from({ length: CLIENTS }, async () => ({
        client: await postgres.connect(),
        walk: new StreamWalk(),
      })),
    );
    const copying = await postgres.connect();
    const ourWalks = walks(IN_FLIGHT);
    const composedWalks = walks(IN_FLIGHT);
    const copyWalks = walks(IN_FLIGHT);
    try {
      const ours: Turn = (latency) =>
        keepInFlight(ourWalks, turnMilliseconds, async (walk) => {
          await latency.of(() => connection.eventStore.append(walk.request()));
          return 1;
        });
      const results = await takeTurns({ rounds, meter }, [
        ours,
        () => keepInFlight([copying], turnMilliseconds, (client) => copyIn(client, floorSchema, copyWalks)),
        {
          meter: meter.with({ service: composedService.pid }),
          take: (latency) =>
            keepInFlight(composedWalks, turnMilliseconds, async (walk) => {
              await latency.of(() => composed.eventStore.append(walk.request()));
              return 1;
            }),
        },
      ]);
      // By themselves: behind clients that insert in this process our turns are slower, and behind the same in another process they are
      // not. Why is not known; it is nothing that the service does.
      const besideInserts = await takeTurns({ rounds, meter }, [
        ours,
        () =>
          keepInFlight(inserting, turnMilliseconds, ({ client, walk }) =>
            insertRow(client, floorSchema, walk),
          ),
      ]);
      const what = `pipelined appends of one event, ${IN_FLIGHT} in flight`;
      const row = { id: 'S1', what, unit: 'events/s' } as const;
      const copy = `one client, binary COPY of ${IN_FLIGHT} rows a transaction`;
      const together = 'grpc-js and COPY together, without any guarantee';
      return [
        compare(results, { ours: 0, floor: 1 }, { ...row, floor: copy, target: 0.6 }),
        compare(results, { ours: 0, floor: 2 }, { ...row, floor: together }),
        compare(results, { ours: 2, floor: 1 }, { ...row, what: together, floor: copy, betweenFloors: true }),
        compare(
          besideInserts,
          { ours: 0, floor: 1 },
          { ...row, floor: `one INSERT a transaction, ${CLIENTS} clients` },
        ),
      ];
    } finally {
      connection.close();
      composed.close();
      await Promise.all([copying, ...inserting.map(({ client }) => client)].map((client) => client.end()));
    }
  },
};
