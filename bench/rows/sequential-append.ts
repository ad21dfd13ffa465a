import { connect } from '../../src/client/connect.js';
import { insertRow } from '../floors/insert.js';
import { keepInFlight } from '../in-flight.js';
import { Latency } from '../latency.js';
import { takeTurns, type Turn } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { UnaryAppend } from '../unary-append.js';
import { StreamWalk } from '../workload.js';

/** One appender that waits for each answer: what a single write costs in time. */
export const sequentialAppend: Measurement = {
  id: 'S3',
  async measure({ service, emptyService, postgres, floorSchema }, { rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const ours = new UnaryAppend(service.address);
    const empty = new UnaryAppend(emptyService.address);
    const client = await postgres.connect();
    const unary = new Latency();
    const pipelined = new Latency();
    try {
      const results = await takeTurns(rounds, [
        timed(turnMilliseconds, unary, (walk) => ours.append(walk.request())),
        timed(turnMilliseconds, pipelined, (walk) => connection.eventStore.append(walk.request())),
        timed(turnMilliseconds, new Latency(), (walk) => insertRow(client, floorSchema, walk)),
        timed(turnMilliseconds, new Latency(), (walk) => empty.append(walk.request())),
      ]);
      // The floor is the one and then the other.
      const rows = results.map(([one = 0, two = 0, insert = 0, call = 0]) => [one, two, insert + call]);
      const floor = 'median of one INSERT + one empty unary call';
      return [
        compare(
          rows,
          { ours: 0, floor: 2 },
          {
            id: 'S3',
            what: 'one append after the other, unary stub: median',
            unit: 'ms',
            floor,
            target: 1.5,
            latency: unary.percentiles(),
          },
        ),
        compare(
          rows,
          { ours: 1, floor: 2 },
          {
            id: 'S3',
            what: 'one append after the other, TypeScript client: median',
            unit: 'ms',
            floor,
            target: 1.5,
            latency: pipelined.percentiles(),
          },
        ),
      ];
    } finally {
      connection.close();
      ours.close();
      empty.close();
      await client.end();
    }
  },
};

/** A turn that answers its median in milliseconds, and adds all that it saw to `all`. */
function timed(milliseconds: number, all: Latency, work: (walk: StreamWalk) => Promise<unknown>): Turn {
  const walk = new StreamWalk();
  return async () => {
    const latency = new Latency();
    await keepInFlight([walk], milliseconds / 2, async (one) => {
      await latency.of(() => work(one));
      return 1;
    });
    all.add(latency);
    return latency.median;
  };
}
