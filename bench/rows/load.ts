import { connect } from '../../src/client/connect.js';
import { fillLog } from '../fill-log.js';
import { ROWS } from '../floors/composed-load.js';
import { copyOut } from '../floors/copy-out.js';
import { decodePages } from '../floors/decode-pages.js';
import { countEvents, loadRaw, rawClient } from '../raw-load.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';

/** So many events are kept to be decoded in a loop. */
const DECODED_EVENTS = 50_000;

/** Load of the log's first events: as bytes, and decoded by the TypeScript client. */
export const load: Measurement = {
  id: 'S4',
  about: 'Load of the whole log, as bytes and decoded, beside COPY and a decoding loop',
  quick: true,
  async measure(stage, { loadRounds, loadEvents }) {
    await fillLog(stage, loadEvents);
    const { composedService, service, postgres, schema, meter } = stage;
    const raw = rawClient(service.address);
    const composed = rawClient(composedService.address);
    const connection = connect({ address: service.address });
    const copying = await postgres.connect();
    const kept: Buffer[] = [];
    try {
      await loadRaw(raw, Math.min(loadEvents, DECODED_EVENTS), (page) => kept.push(page));
      const results = await takeTurns({ rounds: loadRounds, meter }, [
        rateOf(loadEvents, async () => {
          let events = 0;
          await loadRaw(raw, loadEvents, (page) => {
            events += countEvents(page);
          });
          return events;
        }),
        rateOf(loadEvents, () => copyOut(copying, schema, loadEvents)),
        rateOf(loadEvents, async () => {
          let events = 0;
          for await (const page of connection.eventStore.load({ limit: BigInt(loadEvents) }))
            events += page.events.length;
          return events;
        }),
        rateOf(Math.min(loadEvents, DECODED_EVENTS), async () => decodePages(kept)),
        {
          meter: meter.with({ service: composedService.pid }),
          take: rateOf(loadEvents, async () => {
            const trailer = await loadRaw(composed, loadEvents, () => undefined);
            return Number(trailer.get(ROWS)[0]);
          }),
        },
      ]);
      const what = `Load of ${loadEvents.toLocaleString('en')} events`;
      const raws = { id: 'S4', what: `${what}, not decoded`, unit: 'events/s' } as const;
      const copy = 'binary COPY out of the same rows, thrown away';
      const together = 'grpc-js and COPY together, its bytes sent as they are';
      return [
        compare(results, { ours: 0, floor: 1 }, { ...raws, floor: copy, target: 0.6 }),
        compare(results, { ours: 0, floor: 4 }, { ...raws, floor: together }),
        compare(
          results,
          { ours: 4, floor: 1 },
          { ...raws, what: together, floor: copy, betweenFloors: true },
        ),
        compare(
          results,
          { ours: 2, floor: 3 },
          {
            id: 'S4',
            what: `${what}, decoded by the TypeScript client`,
            unit: 'events/s',
            floor: 'protobuf-es decodes such pages in a loop',
            target: 0.9,
          },
        ),
      ];
    } finally {
      raw.close();
      composed.close();
      connection.close();
      await copying.end();
    }
  },
};

/** A turn that reads so many events, and their rate. */
function rateOf(events: number, read: () => Promise<number>): () => Promise<number> {
  return async () => {
    const began = performance.now();
    const found = await read();
    if (found !== events) throw new Error(`Read ${found} events instead of ${events}`);
    return (events * 1000) / (performance.now() - began);
  };
}
