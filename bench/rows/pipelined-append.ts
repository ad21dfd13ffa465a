import { connect } from '../../src/client/connect.js';
import { startChild } from '../child.js';
import { copyIn } from '../floors/copy-in.js';
import { makeFloorTables } from '../floors/floor-tables.js';
import { keepInFlight } from '../in-flight.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

const IN_FLIGHT = 256;
const CLIENTS = 8;

/** Concurrent appends of one event each through the TypeScript client, which pipelines them by itself. */
export const pipelinedAppend: Measurement = {
  id: 'S1',
  about: 'pipelined appends of one event, beside COPY and INSERT',
  quick: true,
  async measure(stage, { rounds, turnMilliseconds }) {
    const { composedService, floorSchema, meter, postgres, schema, scratch, service } = stage;
    const insertedSchema = `${schema}_inserted`;
    await makeFloorTables(postgres, schema, insertedSchema);
    const inserting = await startChild('./floors/inserting-process.js', {
      input: { databaseUrl: postgres.url, floorSchema: insertedSchema, clients: CLIENTS },
      cwd: scratch,
    });
    const connection = connect({ address: service.address });
    const composed = connect({ address: composedService.address });
    const copying = await postgres.connect();
    const ourWalks = walks(IN_FLIGHT);
    const composedWalks = walks(IN_FLIGHT);
    const copyWalks = walks(IN_FLIGHT);
    try {
      const results = await takeTurns({ rounds, meter }, [
        (latency) =>
          keepInFlight(ourWalks, turnMilliseconds, async (walk) => {
            await latency.of(() => connection.eventStore.append(walk.request()));
            return 1;
          }),
        () => keepInFlight([copying], turnMilliseconds, (client) => copyIn(client, floorSchema, copyWalks)),
        {
          meter: meter.with({ service: composedService.pid }),
          take: (latency) =>
            keepInFlight(composedWalks, turnMilliseconds, async (walk) => {
              await latency.of(() => composed.eventStore.append(walk.request()));
              return 1;
            }),
        },
        {
          meter: meter.with({ clients: [inserting.pid] }),
          take: async () => Number(await inserting.ask(turnMilliseconds)),
        },
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
          results,
          { ours: 0, floor: 3 },
          { ...row, floor: `one INSERT a transaction, ${CLIENTS} clients` },
        ),
      ];
    } finally {
      connection.close();
      composed.close();
      await Promise.all([copying.end(), inserting.stop()]);
    }
  },
};
