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
  about: 'one append after the other: latency, beside an INSERT and an empty call',
  quick: true,
  async measure(stage, { rounds, turnMilliseconds }) {
    const { composedService, emptyService, floorSchema, meter, postgres, service } = stage;
    const connection = connect({ address: service.address });
    const ours = new UnaryAppend(service.address);
    const empty = new UnaryAppend(emptyService.address);
    const composed = new UnaryAppend(composedService.address);
    const client = await postgres.connect();
    try {
      const results = await takeTurns({ rounds, meter }, [
        timed(turnMilliseconds, (walk) => ours.append(walk.request())),
        timed(turnMilliseconds, (walk) => connection.eventStore.append(walk.request())),
        timed(turnMilliseconds, (walk) => insertRow(client, floorSchema, walk)),
        timed(turnMilliseconds, (walk) => empty.append(walk.request())),
        {
          meter: meter.with({ service: composedService.pid }),
          take: timed(turnMilliseconds, (walk) => composed.append(walk.request())),
        },
      ]);
      const floor = 'median of one INSERT + one empty unary call';
      const floorParts = ['one INSERT', 'one empty unary call'];
      const together = 'grpc-js and INSERT together, without any guarantee: median';
      const unary = { id: 'S3', what: 'one append after the other, unary stub: median', unit: 'ms' } as const;
      return [
        compare(results, { ours: 0, floor: [2, 3] }, { ...unary, floor, floorParts, target: 1.5 }),
        compare(
          results,
          { ours: 1, floor: [2, 3] },
          {
            id: 'S3',
            what: 'one append after the other, TypeScript client: median',
            unit: 'ms',
            floor,
            floorParts,
            target: 1.5,
          },
        ),
        compare(results, { ours: 0, floor: 4 }, { ...unary, floor: together }),
        compare(
          results,
          { ours: 4, floor: [2, 3] },
          { ...unary, what: together, floor, floorParts, betweenFloors: true },
        ),
      ];
    } finally {
      connection.close();
      ours.close();
      empty.close();
      composed.close();
      await client.end();
    }
  },
};

/** A turn that answers its median in milliseconds, and adds all that it saw to `all`. */
function timed(milliseconds: number, work: (walk: StreamWalk) => Promise<unknown>): Turn {
  const walk = new StreamWalk();
  return async (all) => {
    const latency = new Latency();
    await keepInFlight([walk], milliseconds / 2, async (one) => {
      await latency.of(() => work(one));
      return 1;
    });
    all.add(latency);
    return { value: latency.median, work: latency.count };
  };
}
