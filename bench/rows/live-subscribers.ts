import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, connect } from '../../src/client/connect.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import { nextAppend } from '../live-followers.js';
import { type LiveLog, openLiveLog } from '../live-log.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { walks } from '../workload.js';

const IN_FLIGHT = 256;
const without = 'without any guarantee';
/**
 * For each round that is asked for. A turn is a second of a log that Postgres vacuums and checkpoints meanwhile: of these rows the
 * rounds lie further apart than of others, from 0.7 to 1.
 */
const ROUNDS = 2;
/** Until what was appended last has come, so that nobody's turn pays for the one before. */
const AFTERWARDS_MS = 100;

/**
 * The same appends to four logs of one service, which nobody, one, ten and a thousand follow, in turns; how late after the
 * commit what they are to get is there; and how often Postgres reads an event for them.
 */
export const liveSubscribers: Measurement = {
  id: 'S5',
  about: 'live subscribers with different filters: what appends lose, and how late deliveries are',
  async measure({ composedService, meter, postgres, schema, service }, { rounds, turnMilliseconds }) {
    const { address } = service;
    const connection = connect({ address, timeoutMs: 60_000 });
    const client = await postgres.connect();
    const composed = connect({ address: composedService.address, timeoutMs: 60_000 });
    const logs: LiveLog[] = [];
    const open = async (followers: number) => {
      const namespace = `${schema}_live_${followers}`;
      await connection.namespaces.create(namespace);
      const log = await openLiveLog(followers, {
        address,
        namespace,
        connection: connection.namespace(namespace),
      });
      logs.push(log);
      return log;
    };
    const appendTo = async ({
      connection: { eventStore },
    }: {
      connection: Pick<Connection, 'eventStore'>;
    }) => {
      let work = 0;
      const rate = await keepInFlight(walks(IN_FLIGHT), turnMilliseconds, async (walk) => {
        await eventStore.append(nextAppend(walk));
        work += 1;
        return 1;
      });
      await sleep(AFTERWARDS_MS);
      return { value: rate, work };
    };
    /** The 99th percentile, in milliseconds. */
    const lateness = async (log: LiveLog, latency: Latency) => {
      log.watch();
      await appendTo(log);
      const latencies = await log.latencies();
      for (const milliseconds of latencies) latency.record(milliseconds);
      return latencies.toSorted()[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
    };
    /** How often an event of the log was fetched from its table. */
    const reads = async ({ namespace }: LiveLog) => {
      const { rows } = await client.query<{ reads: number }>(
        `SELECT (idx_tup_fetch + seq_tup_read)::float8 / nullif(n_tup_ins, 0) AS reads
           FROM pg_stat_all_tables WHERE schemaname = $1 AND relname = 'events'`,
        [namespace],
      );
      return rows[0]?.reads ?? Number.NaN;
    };
    let together: LiveLog | undefined;
    try {
      const [nobody, one, ten, thousand] = [await open(0), await open(1), await open(10), await open(1000)];
      const namespace = 'followed';
      together = await openLiveLog(1000, {
        address: composedService.address,
        namespace,
        connection: composed.namespace(namespace),
      });
      const followed = together;
      const composedMeter = meter.with({ service: composedService.pid });
      const results = await takeTurns({ rounds: rounds * ROUNDS, meter }, [
        () => appendTo(one),
        () => appendTo(ten),
        // Next to each other, so that what the machine does meanwhile falls to both.
        () => appendTo(nobody),
        () => appendTo(thousand),
        (latency) => lateness(one, latency),
        (latency) => lateness(thousand, latency),
        { meter: composedMeter, take: () => appendTo({ connection: composed }) },
        { meter: composedMeter, take: () => appendTo(followed) },
      ]);
      // A backend tells its figures once a second at most.
      await sleep(1100);
      // What the service has written itself it does not read again, so there may be nothing to compare with.
      const read = await takeTurns(1, [() => reads(thousand), async () => 1]);
      const what = `pipelined appends, ${IN_FLIGHT} in flight, with`;
      const rate = { id: 'S5', unit: 'events/s', floor: 'the same without a subscriber' } as const;
      return [
        compare(
          results,
          { ours: 3, floor: 2 },
          { ...rate, what: `${what} 1,000 live subscribers of different filters`, target: 0.8 },
        ),
        compare(
          results,
          { ours: 3, floor: 7 },
          {
            ...rate,
            what: `${what} 1,000 live subscribers of different filters`,
            floor: `grpc-js and COPY together with the same subscribers, ${without}`,
          },
        ),
        compare(
          results,
          { ours: 7, floor: 6 },
          {
            ...rate,
            what: `grpc-js and COPY together with the same subscribers, ${without}`,
            floor: 'the same without a subscriber',
            betweenFloors: true,
          },
        ),
        compare(results, { ours: 1, floor: 2 }, { ...rate, what: `${what} 10` }),
        compare(results, { ours: 0, floor: 2 }, { ...rate, what: `${what} 1` }),
        compare(
          results,
          { ours: 5, floor: 4 },
          {
            id: 'S5',
            what: 'p99 from recorded_at to delivery meanwhile, 1,000 subscribers',
            unit: 'ms',
            floor: 'one subscriber',
            target: 5,
          },
        ),
        compare(
          read,
          { ours: 0, floor: 1 },
          {
            id: 'S5',
            what: 'how often Postgres reads an event, 1,000 subscribers',
            unit: 'reads',
            floor: 'one reader that reads each event once',
            target: 1.1,
          },
        ),
      ];
    } finally {
      await together?.stop();
      composed.close();
      for (const log of logs) await log.stop();
      for (const { namespace } of logs) await connection.namespaces.drop(namespace, { confirm: namespace });
      connection.close();
      await client.end();
    }
  },
};
