import type pg from 'pg';
import { connect } from '../../src/client/connect.js';
import { selectStream } from '../floors/select-stream.js';
import { GROWN } from '../grow-log.js';
import { growStage } from '../grow-stage.js';
import { GrownStreams } from '../grown-streams.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';

const IN_FLIGHT = 16;

/** Loads of one stream each, as an aggregate is read before it decides. */
export const streamLoad: Measurement = {
  id: 'stream-load',
  about: 'Load of one stream, beside the same SELECT',
  long: true,
  async measure(stage, { rounds, turnMilliseconds, grownEvents }) {
    await growStage(stage, grownEvents);
    const { service, postgres, schema, meter } = stage;
    const connection = connect({ address: service.address });
    const clients = await Promise.all(Array.from({ length: IN_FLIGHT }, () => postgres.connect()));
    const readers = clients.map(() => connection.eventStore);
    const turnsOf = (streams: GrownStreams) => [
      (latency: Latency) =>
        keepInFlight(readers, turnMilliseconds, (eventStore) => latency.of(() => streams.load(eventStore))),
      () => keepInFlight(clients, turnMilliseconds, (client) => selectStream(client, schema, streams.any())),
    ];
    try {
      const [client] = clients as [pg.Client];
      const long = await GrownStreams.pick(client, schema, GROWN.longStream);
      const short = await GrownStreams.pick(client, schema, GROWN.shortStream);
      const results = await takeTurns({ rounds, meter }, [...turnsOf(long), ...turnsOf(short)]);
      const floor = `the same SELECT through pg, ${IN_FLIGHT} clients`;
      return [GROWN.longStream, GROWN.shortStream].map((events, index) =>
        compare(
          results,
          { ours: index * 2, floor: index * 2 + 1 },
          {
            id: 'stream-load',
            what: `Load of one stream of ${events} events, ${IN_FLIGHT} in flight`,
            unit: 'calls/s',
            floor,
          },
        ),
      );
    } finally {
      connection.close();
      await Promise.all(clients.map((client) => client.end()));
    }
  },
};
