import { connect } from '../../src/client/connect.js';
import { systemRuntime } from '../../src/system.js';
import type { StreamId } from '../../src/core/stream.js';
import { keepInFlight } from '../in-flight.js';
import type { Latency } from '../latency.js';
import type { Stage } from '../stage.js';
import { nextPayload, walks } from '../workload.js';
import { BATCH_EVENTS, type Contestant, mustHave, type Reading, type ReadSizes } from './contestant.js';

/** Our own side: the service in its process, driven over gRPC by the TypeScript client. */
export interface Ours extends Contestant {
  appendBatches(milliseconds: number, latency: Latency): Promise<number>;
  /** As {@link read}, and parses the JSON of each event, as who gets objects from a peer has it parsed. */
  readAndParse(what: Reading, milliseconds: number): Promise<number>;
}

const BATCHES_IN_FLIGHT = 8;
const FILL_EVENTS = 500;

export async function openOurs({ service, postgres, schema }: Stage): Promise<Ours> {
  const connection = connect({ address: service.address });
  const store = connection.eventStore;
  const label = 'ours';
  const head = async () => {
    const client = await postgres.connect();
    const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM "${schema}".events`);
    await client.end();
    return Number(rows[0]?.count);
  };
  const before = await head();
  let acknowledged = 0;
  let sizes: ReadSizes = { stream: 0, log: 0 };
  const longStream: StreamId = { aggregateType: 'Account', aggregateId: systemRuntime.newEventId() };

  const append = (inFlight: number, milliseconds: number, events: number, latency: Latency) =>
    keepInFlight(walks(inFlight), milliseconds, async (walk) => {
      await latency.of(() => store.append(walk.request(events)));
      acknowledged += events;
      return events;
    });
  const read = (what: Reading, milliseconds: number, visit: (data: Uint8Array) => void) =>
    keepInFlight([store], milliseconds, async () => {
      const expected = what === 'STREAM' ? sizes.stream : sizes.log;
      let events = 0;
      const request =
        what === 'STREAM'
          ? { scope: { kind: 'STREAM', stream: longStream } as const }
          : { limit: BigInt(sizes.log) };
      for await (const page of store.load(request))
        for (const { data } of page.events) {
          visit(data);
          events += 1;
        }
      mustHave(label, expected, events);
      return events;
    });

  return {
    label,
    appendSingles: (inFlight, milliseconds, latency) => append(inFlight, milliseconds, 1, latency),
    appendBatches: (milliseconds, latency) => append(BATCHES_IN_FLIGHT, milliseconds, BATCH_EVENTS, latency),
    fill: async ({ stream, log }) => {
      for (let version = 0; version < stream; version += FILL_EVENTS) {
        const events = Array.from({ length: Math.min(FILL_EVENTS, stream - version) }, () => ({
          ...nextPayload(),
          eventId: systemRuntime.newEventId(),
        }));
        await store.append({
          streams: [
            { stream: longStream, expectedVersion: version === 0 ? 'NO_STREAM' : BigInt(version), events },
          ],
        });
        acknowledged += events.length;
      }
      const missing = Math.max(0, log - stream);
      let left = missing;
      await Promise.all(
        walks(4).map(async (walk) => {
          while (left > 0) {
            const count = Math.min(FILL_EVENTS, left);
            left -= count;
            await store.append(walk.request(count));
            acknowledged += count;
          }
        }),
      );
      sizes = { stream, log };
    },
    read: (what, milliseconds) => read(what, milliseconds, (data) => data.byteLength),
    readAndParse: (what, milliseconds) =>
      read(what, milliseconds, (data) => {
        JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
      }),
    verify: async () => mustHave(label, acknowledged, (await head()) - before),
    close: () => Promise.resolve(connection.close()),
  };
}
