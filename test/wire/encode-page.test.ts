import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LoadResponseSchema,
  SubscribeResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { SubscriptionMessage, SubscriptionSignal } from '../../src/core/subscribe.js';
import { encodedEventBytes, encodeLoadPage, encodeSubscriptionMessage } from '../../src/wire/encode-page.js';
import { fromWireLoadPage, toWireLoadPage } from '../../src/wire/load.js';
import { toWireSubscriptionMessage } from '../../src/wire/subscribe.js';
import { event, uint64 } from './arbitraries.js';

const page = fc.record({
  events: fc.array(event, { maxLength: 6 }),
  scannedAfter: uint64,
  scannedTo: uint64,
  epoch: uint64,
});

const signal = fc.oneof(
  fc.constant<SubscriptionSignal>({ kind: 'CAUGHT_UP' }),
  uint64.map((head): SubscriptionSignal => ({ kind: 'FELL_BEHIND', head })),
);

describe('a page encoded by hand', () => {
  it('is byte for byte what the library makes', () => {
    fc.assert(
      fc.property(page, (given) => {
        const bytes = encodeLoadPage(given);
        const library = toBinary(LoadResponseSchema, toWireLoadPage(given));
        expect(bytes.equals(library)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('is what was put in, once it is decoded', () => {
    fc.assert(
      fc.property(page, (given) => {
        expect(fromWireLoadPage(fromBinary(LoadResponseSchema, encodeLoadPage(given)))).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it('is so with a signal of a subscription too', () => {
    fc.assert(
      fc.property(page, fc.option(signal), (given, said) => {
        const message: SubscriptionMessage = { ...given, ...(said ? { signal: said } : {}) };
        const library = toBinary(SubscribeResponseSchema, toWireSubscriptionMessage(message));
        expect(encodeSubscriptionMessage(message).equals(library)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('says of each event how many bytes it takes in a message', () => {
    fc.assert(
      fc.property(event, (given) => {
        const page = { events: [given], scannedAfter: 0n, scannedTo: 0n, epoch: 0n };
        expect(encodedEventBytes(given)).toBe(encodeLoadPage(page).byteLength);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a metadata key called __proto__', () => {
    const metadata = Object.fromEntries([['__proto__', 'x']]);
    const [given] = fc.sample(event, 1);
    if (!given) throw new Error('no sample');
    const encoded = encodeLoadPage({
      events: [{ ...given, metadata }],
      scannedAfter: 0n,
      scannedTo: 1n,
      epoch: 1n,
    });
    const [decoded] = fromWireLoadPage(fromBinary(LoadResponseSchema, encoded)).events;
    expect(Object.entries(decoded?.metadata ?? {})).toEqual([['__proto__', 'x']]);
  });
});
