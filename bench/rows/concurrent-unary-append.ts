import { keepInFlight } from '../in-flight.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { UnaryAppend } from '../unary-append.js';
import { walks } from '../workload.js';

const IN_FLIGHT = 64;

/** Unary Append by a plain stub, beside the same call to a service that does nothing. */
export const concurrentUnaryAppend: Measurement = {
  id: 'S2',
  about: 'unary appends of one event, beside empty calls',
  quick: true,
  async measure({ service, emptyService, meter }, { rounds, turnMilliseconds }) {
    const ours = new UnaryAppend(service.address);
    const empty = new UnaryAppend(emptyService.address);
    const ourWalks = walks(IN_FLIGHT);
    const emptyWalks = walks(IN_FLIGHT);
    try {
      const results = await takeTurns({ rounds, meter }, [
        (latency) =>
          keepInFlight(ourWalks, turnMilliseconds, async (walk) => {
            await latency.of(() => ours.append(walk.request()));
            return 1;
          }),
        {
          meter: meter.with({ service: emptyService.pid }),
          take: (latency) =>
            keepInFlight(emptyWalks, turnMilliseconds, async (walk) => {
              await latency.of(() => empty.append(walk.request()));
              return 1;
            }),
        },
      ]);
      return [
        compare(
          results,
          { ours: 0, floor: 1 },
          {
            id: 'S2',
            what: `unary appends of one event, ${IN_FLIGHT} in flight`,
            unit: 'calls/s',
            floor: 'empty unary calls with the same messages',
            target: 0.8,
          },
        ),
      ];
    } finally {
      ours.close();
      empty.close();
    }
  },
};
