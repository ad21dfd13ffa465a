import { connect } from '../../src/client/connect.js';
import { GROWN } from '../grow-log.js';
import { growStage } from '../grow-stage.js';
import { GrownStreams } from '../grown-streams.js';
import { keepInFlight } from '../in-flight.js';
import { Latency } from '../latency.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

const APPENDING = 64;
const READING = 16;

/** Writers and readers at once, through connections of their own, beside each alone: all of what they share is the machine. */
export const mixed: Measurement = {
  id: 'mixed',
  about: 'appends and loads of one stream at once, beside each alone',
  long: true,
  async measure(stage, { rounds, turnMilliseconds, grownEvents }) {
    await growStage(stage, grownEvents);
    const { service, postgres, schema, meter } = stage;
    const [writer, reader] = [connect({ address: service.address }), connect({ address: service.address })];
    const client = await postgres.connect();
    const appending = walks(APPENDING);
    const reading = Array.from({ length: READING }, () => reader.eventStore);
    try {
      const streams = await GrownStreams.pick(client, schema, GROWN.shortStream);
      const append = (latency: Latency) =>
        keepInFlight(appending, turnMilliseconds, async (walk) => {
          await latency.of(() => writer.eventStore.append(walk.request()));
          return 1;
        });
      const read = (latency: Latency) =>
        keepInFlight(reading, turnMilliseconds, (eventStore) => latency.of(() => streams.load(eventStore)));
      const results = await takeTurns({ rounds, meter }, [
        async (latency) => (await Promise.all([append(latency), read(new Latency())]))[0],
        append,
        async (latency) => (await Promise.all([read(latency), append(new Latency())]))[0],
        read,
      ]);
      const appends = `appends, ${APPENDING} in flight`;
      const loads = `loads of a stream of ${GROWN.shortStream} events, ${READING} in flight`;
      return [
        compare(
          results,
          { ours: 0, floor: 1 },
          { id: 'mixed', what: `${appends}, beside ${loads}`, unit: 'events/s', floor: 'the appends alone' },
        ),
        compare(
          results,
          { ours: 2, floor: 3 },
          { id: 'mixed', what: `${loads}, beside ${appends}`, unit: 'calls/s', floor: 'the loads alone' },
        ),
      ];
    } finally {
      writer.close();
      reader.close();
      await client.end();
    }
  },
};
