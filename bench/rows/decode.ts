import { Client, credentials } from '@grpc/grpc-js';
import { decodeLoadPage } from '../../src/wire/decode-page.js';
import { fillLog } from '../fill-log.js';
import { decodePages, decodePagesPlainly } from '../floors/decode-pages.js';
import { loadRaw } from '../raw-load.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';

const EVENTS = 50_000;

/** From the bytes of pages to their events, in a loop: what the client's reading costs, without the service and the network. */
export const decode: Measurement = {
  id: 'decode',
  about: 'Pages decoded by hand, beside protobuf-es',
  async measure(stage, { rounds }) {
    await fillLog(stage, EVENTS);
    const raw = new Client(stage.service.address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const pages: Buffer[] = [];
    try {
      await loadRaw(raw, EVENTS, (page) => pages.push(page));
    } finally {
      raw.close();
    }
    const results = await takeTurns({ rounds, meter: stage.meter }, [
      async () =>
        rateOf(() => pages.reduce((events, page) => events + decodeLoadPage(page).events.length, 0)),
      async () => rateOf(() => decodePagesPlainly(pages)),
      async () => rateOf(() => decodePages(pages)),
    ]);
    const row = { id: 'decode', what: 'Events of pages in bytes, by hand', unit: 'events/s' } as const;
    return [
      compare(
        results,
        { ours: 0, floor: 1 },
        { ...row, floor: 'the same by protobuf-es, its messages copied into events', target: 3 },
      ),
      compare(
        results,
        { ours: 0, floor: 2 },
        { ...row, floor: 'messages of protobuf-es, no events', target: 2 },
      ),
    ];
  },
};

function rateOf(read: () => number): number {
  const began = performance.now();
  return (read() * 1000) / (performance.now() - began);
}
