import type pg from 'pg';
import { type Connection, connect } from '../../src/client/connect.js';
import { requireDisk } from '../disk.js';
import { selectStream } from '../floors/select-stream.js';
import { GROWN } from '../grow-log.js';
import { GrownStreams } from '../grown-streams.js';
import { keepInFlight } from '../in-flight.js';
import type { Options } from '../options.js';
import { openOwnLog, type OwnLog } from '../own-log.js';
import { progress } from '../progress.js';
import { memoryOf } from '../processes.js';
import { takeTurns, type Turn } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import type { Stage } from '../stage.js';
import { walks } from '../workload.js';

/** Enough for streams of every length. */
const SHORT_EVENTS = { least: 30_000, most: 100_000 };
const APPENDING = 256;
const READING = 16;

/** A long log beside a short one, each in a schema with a service of its own, on one server. */
export const growth: Measurement = {
  id: 'S7',
  about: 'appends, loads of one stream and memory with a long log, beside a short one',
  long: true,
  async measure(stage, options) {
    const { rounds, turnMilliseconds, growthEvents } = options;
    const events = {
      long: growthEvents,
      short: Math.min(SHORT_EVENTS.most, Math.max(SHORT_EVENTS.least, growthEvents / 10)),
    };
    const logs: OwnLog[] = [];
    const connections: Connection[] = [];
    const clients = await Promise.all(Array.from({ length: READING }, () => stage.postgres.connect()));
    try {
      const short = await openLog(stage, options, events.short, '_short');
      logs.push(short);
      await requireDisk(stage, { like: short.schema, events: events.short, wanted: events.long });
      const long = await openLog(stage, options, events.long, '');
      logs.push(long);
      const sides = await Promise.all(
        [long, short].map(async (log) => {
          const connection = connect({ address: log.service.address });
          connections.push(connection);
          return turnsOf(clients, log, connection, turnMilliseconds);
        }),
      );
      const results = await takeTurns(rounds, sides.flat());
      const count = { long: long.events.toLocaleString('en'), short: short.events.toLocaleString('en') };
      const rows = [
        { what: `pipelined appends of one event, ${APPENDING} in flight`, unit: 'events/s', target: 0.8 },
        {
          what: `loads of one stream of ${GROWN.longStream} events, ${READING} in flight`,
          unit: 'calls/s',
          target: 0.8,
        },
        {
          what: `loads of one stream of ${GROWN.shortStream} events, ${READING} in flight`,
          unit: 'calls/s',
          target: 0.8,
        },
        { what: 'the most memory that the service had', unit: 'MiB', target: 1.1 },
        {
          what: `SELECT of one stream of ${GROWN.longStream} events through pg, ${READING} clients`,
          unit: 'calls/s',
          betweenFloors: true,
        },
      ] as const;
      return rows.map(({ what, ...row }, index) => {
        const compared = compare(
          results,
          { ours: index, floor: rows.length + index },
          {
            ...row,
            id: 'S7',
            what: `a log of ${count.long} events: ${what}`,
            floor: `the same with ${count.short} events`,
          },
        );
        if (compared.betweenFloors) return compared;
        const points = [
          [events.short, compared.floor.value],
          [events.long, compared.ours],
        ] as const;
        return { ...compared, curve: { name: what, x: 'events in the log', y: row.unit, points } };
      });
    } finally {
      for (const connection of connections) connection.close();
      await Promise.all(clients.map((client) => client.end()));
      for (const log of logs) await log.close();
    }
  },
};

/** Those of one log, in the order of the rows. */
async function turnsOf(
  clients: readonly pg.Client[],
  { schema, service }: OwnLog,
  { eventStore }: Connection,
  milliseconds: number,
): Promise<readonly Turn[]> {
  const [client] = clients;
  if (client === undefined) throw new Error('There is no client');
  const long = await GrownStreams.pick(client, schema, GROWN.longStream);
  const streams = [long, await GrownStreams.pick(client, schema, GROWN.shortStream)];
  const appending = walks(APPENDING);
  const reading = Array.from({ length: READING }, () => eventStore);
  return [
    (latency) =>
      keepInFlight(appending, milliseconds, async (walk) => {
        await latency.of(() => eventStore.append(walk.request()));
        return 1;
      }),
    ...streams.map(
      (some): Turn =>
        (latency) =>
          keepInFlight(reading, milliseconds, (store) => latency.of(() => some.load(store))),
    ),
    async () => memoryOf(service.pid)?.peak ?? Number.NaN,
    () => keepInFlight(clients, milliseconds, (each) => selectStream(each, schema, long.any())),
  ];
}

function openLog(stage: Stage, options: Options, events: number, suffix: string): Promise<OwnLog> {
  const { growthSchema } = options;
  let told = performance.now();
  return openOwnLog(stage, options, {
    schema: `${growthSchema ?? `${stage.schema}_growth`}${suffix}`,
    events,
    keep: growthSchema !== undefined,
    onProgress: (head) => {
      if (performance.now() - told < 5_000 && head < events) return;
      told = performance.now();
      progress(`a log of ${head.toLocaleString('en')} of ${events.toLocaleString('en')} events`);
    },
  });
}
