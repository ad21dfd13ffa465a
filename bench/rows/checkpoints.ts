import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connect } from '../../src/client/connect.js';
import { keepInFlight } from '../in-flight.js';
import { Latency } from '../latency.js';
import { takeTurns, type Turn } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

const IN_FLIGHT = 64;

/** What appends wait for while the server flushes its dirty pages. */
export const checkpoints: Measurement = {
  id: 'checkpoints',
  about: 'the longest that appends take while checkpoints run, beside the same without',
  long: true,
  async measure({ service, postgres, meter }, { rounds, turnMilliseconds }) {
    const connection = connect({ address: service.address });
    const client = await postgres.connect();
    const appending = walks(IN_FLIGHT);
    const tail =
      (percentile: 'p99' | 'p999'): Turn =>
      async (all) => {
        const latency = new Latency();
        await keepInFlight(appending, turnMilliseconds, async (walk) => {
          await latency.of(() => connection.eventStore.append(walk.request()));
          return 1;
        });
        all.add(latency);
        return { value: latency.percentiles()[percentile], work: latency.count };
      };
    const besideCheckpoints =
      (turn: Turn): Turn =>
      async (latency) => {
        const done = new AbortController();
        const checkpointing = checkpoint(client, done.signal);
        const result = await turn(latency);
        done.abort();
        await checkpointing;
        return result;
      };
    try {
      const results = await takeTurns({ rounds, meter }, [
        besideCheckpoints(tail('p99')),
        tail('p99'),
        besideCheckpoints(tail('p999')),
        tail('p999'),
      ]);
      return ['99th', '99.9th'].map((percentile, index) =>
        compare(
          results,
          { ours: index * 2, floor: index * 2 + 1 },
          {
            id: 'checkpoints',
            what: `appends while a checkpoint runs every second, ${IN_FLIGHT} in flight: ${percentile} percentile`,
            unit: 'ms',
            floor: 'the same without checkpoints',
          },
        ),
      );
    } finally {
      connection.close();
      await client.end();
    }
  },
};

/** One now, and then one every second, until told otherwise. */
async function checkpoint(client: pg.Client, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await client.query('CHECKPOINT');
    await sleep(1000, undefined, { signal }).catch(() => undefined);
  }
}
