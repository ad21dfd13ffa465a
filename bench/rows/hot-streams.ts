import { connect } from '../../src/client/connect.js';
import type { StreamId } from '../../src/core/stream.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { appendTo, newStream, walks } from '../workload.js';
import { zipf } from '../zipf.js';

const IN_FLIGHT = 256;
const STREAMS = 10_000;

/** Appends that do not spread evenly: a few streams get most of them, or one gets all. */
export const hotStreams: Measurement = {
  id: 'hot-streams',
  about: 'appends to hot and cold streams, and to one alone, beside S1',
  long: true,
  async measure({ service, meter }, { rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const streams = Array.from({ length: STREAMS }, newStream);
    const hot = newStream();
    const draw = zipf(STREAMS);
    const evenly = walks(IN_FLIGHT);
    const appendsTo = (next: () => StreamId) => (latency: Latency) =>
      keepInFlight(evenly, turnMilliseconds, async () => {
        await latency.of(() => connection.eventStore.append(appendTo(next(), 'ANY')));
        return 1;
      });
    try {
      const results = await takeTurns({ rounds, meter }, [
        appendsTo(() => streams[draw()] ?? hot),
        appendsTo(() => hot),
        (latency) =>
          keepInFlight(evenly, turnMilliseconds, async (walk) => {
            await latency.of(() => connection.eventStore.append(walk.request()));
            return 1;
          }),
      ]);
      const row = {
        id: 'hot-streams',
        unit: 'events/s',
        floor: `appends to many streams alike, ${IN_FLIGHT} in flight, as in S1`,
      } as const;
      return [
        compare(
          results,
          { ours: 0, floor: 2 },
          {
            ...row,
            what: `appends to ${STREAMS.toLocaleString('en')} streams by Zipf's law, ${IN_FLIGHT} in flight`,
          },
        ),
        compare(
          results,
          { ours: 1, floor: 2 },
          { ...row, what: `appends to one stream, ${IN_FLIGHT} in flight` },
        ),
      ];
    } finally {
      connection.close();
    }
  },
};
