import { connect } from '../../src/client/connect.js';
import { systemRuntime } from '../../src/system.js';
import type { Event } from '../../src/core/event.js';
import type { StreamId } from '../../src/core/stream.js';
import { keepInFlight } from '../in-flight.js';
import { Latency } from '../latency.js';
import type { Stage } from '../stage.js';
import { nextPayload, walks } from '../workload.js';
import {
  BATCH_EVENTS,
  type Contestant,
  fastest,
  mustHave,
  type Reading,
  type ReadSizes,
} from './contestant.js';

/** Our own side: the service in its process, driven over gRPC by the TypeScript client. */
export interface Ours extends Contestant {
  /** Tries how many batches are best in flight, as peers have tried what can be set. */
  tuneBatches(milliseconds: number): Promise<void>;
  /** How many that is. */
  readonly batchesInFlight: number;
  appendBatches(milliseconds: number, latency: Latency): Promise<number>;
  /** As {@link read}, and parses the JSON of each event, as who gets objects from a peer has it parsed. */
  readAndParse(what: Reading, milliseconds: number): Promise<number>;
}

const BATCHES_IN_FLIGHT = [4, 8, 16, 32, 64];
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
  let batchesInFlight = 8;
  let sizes: ReadSizes = { stream: 0, log: 0 };
  const longStream: StreamId = { aggregateType: 'Account', aggregateId: systemRuntime.newEventId() };

  const append = (inFlight: number, milliseconds: number, events: number, latency: Latency) =>
    keepInFlight(walks(inFlight), milliseconds, async (walk) => {
      await latency.of(() => store.append(walk.request(events)));
      acknowledged += events;
      return events;
    });
  const read = (what: Reading, milliseconds: number, visit: (event: Event) => void) =>
    keepInFlight([store], milliseconds, async () => {
      const expected = what === 'STREAM' ? sizes.stream : sizes.log;
      let events = 0;
      const request =
        what === 'STREAM'
          ? { scope: { kind: 'STREAM', stream: longStream } as const }
          : { limit: BigInt(sizes.log) };
      for await (const page of store.load(request))
        for (const event of page.events) {
          visit(event);
          events += 1;
        }
      mustHave(label, expected, events);
      return events;
    });

  return {
    label,
    appendSingles: (inFlight, milliseconds, latency) => append(inFlight, milliseconds, 1, latency),
    appendBatches: (milliseconds, latency) => append(batchesInFlight, milliseconds, BATCH_EVENTS, latency),
    get batchesInFlight() {
      return batchesInFlight;
    },
    tuneBatches: async (milliseconds) => {
      batchesInFlight = await fastest(BATCHES_IN_FLIGHT, (inFlight) =>
        append(inFlight, milliseconds, BATCH_EVENTS, new Latency()),
      );
    },
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
    read: (what, milliseconds) => read(what, milliseconds, touch),
    readAndParse: (what, milliseconds) =>
      read(what, milliseconds, (event) => {
        touch(event);
        const { buffer, byteLength, byteOffset } = event.data;
        JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString());
      }),
    verify: async () => mustHave(label, acknowledged, (await head()) - before),
    close: () => Promise.resolve(connection.close()),
  };
}

/** Peers have all of an event made when they hand it out, so what ours would make only when it is looked at is looked at. */
function touch({ data, eventType, metadata, position, version }: Event): void {
  if (data.byteLength === 0 || eventType === '' || metadata['actor'] === undefined || position < version)
    throw new Error(`Event ${position} is not what was written`);
}
