import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsumeResponseSchema } from '../../gen/headwater/v1/consumer_group_service_pb.js';
import {
  LoadResponseSchema,
  SubscribeResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Event } from '../../src/core/event.js';
import type { LoadPage } from '../../src/core/load.js';
import { fromWireToConsumer } from '../../src/wire/consume.js';
import { decodeLoadPage, decodeSubscriptionMessage, decodeToConsumer } from '../../src/wire/decode-page.js';
import { encodeDeliver, encodeLoadPage, encodeSubscriptionMessage } from '../../src/wire/encode-page.js';
import { fromWireLoadPage } from '../../src/wire/load.js';
import { fromWireSubscriptionMessage } from '../../src/wire/subscribe.js';
import { event, uint64 } from './arbitraries.js';
import { bytes, damaged, integer, message, nested, type Part, string, time } from './wire-messages.js';

const often = [
  string(1),
  nested(2, message(2, [string(1), string(2)])),
  integer(3),
  integer(4),
  string(5),
  bytes(6),
  string(7),
  nested(8, message(2, [string(1), string(2)])),
  string(9),
  integer(10),
  integer(12),
];
// Seldom, since two of it are left to the plain way.
const wireEvent = message(12, [...often, ...often, ...often, nested(11, message(2, [time(1), time(2)]))]);

const pageFields = [nested(1, wireEvent), nested(1, wireEvent), integer(2), integer(3), integer(4)];
const loadResponse = message(4, pageFields);
const subscribeResponse = message(6, [
  ...pageFields,
  nested(5, message(0, [])),
  nested(6, message(1, [integer(1)])),
]);
const delivery = message(3, [nested(1, wireEvent), nested(1, wireEvent), integer(2), integer(3)]);
const consumeResponse = fc.oneof(
  nested(2, message(1, [nested(1, delivery)])),
  message(5, [
    nested(1, message(2, [string(1), nested(2, message(2, [integer(1)]))])),
    nested(2, message(1, [nested(1, delivery)])),
    nested(3, message(2, [integer(1), integer(2), nested(2, message(0, []))])),
    nested(4, message(1, [integer(1)])),
    nested(5, message(0, [])),
  ]),
);

const page = fc.record({
  events: fc.array(event, { maxLength: 6 }),
  scannedAfter: uint64,
  scannedTo: uint64,
  epoch: uint64,
});

const plainLoadPage = (given: Buffer) => fromWireLoadPage(fromBinary(LoadResponseSchema, given));

/** What comes of the bytes, as text: a value, in which types and the order of keys count, or an error. */
function outcome(decode: (given: Buffer) => unknown, given: Buffer): string {
  try {
    return JSON.stringify(decode(given), inFull) ?? 'undefined';
  } catch (error) {
    return String(error);
  }
}

function inFull(_: string, value: unknown): unknown {
  if (value === undefined) return 'undefined';
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array)
    return `${value.constructor.name} ${Buffer.from(value).toString('base64')}`;
  return value;
}

function expectSame(
  quick: (given: Buffer) => unknown,
  plain: (given: Buffer) => unknown,
  given: Part,
  numRuns: number,
) {
  fc.assert(
    fc.property(given, (whole) => {
      // As it comes from the network: somewhere in a larger buffer.
      const held = Buffer.concat([Buffer.alloc(3, 0xff), whole, Buffer.alloc(3, 0x01)]);
      const bytes = held.subarray(3, 3 + whole.byteLength);
      expect(outcome(quick, bytes)).toBe(outcome(plain, bytes));
    }),
    { numRuns },
  );
}

describe.each([
  ['a page of Load', decodeLoadPage, plainLoadPage, loadResponse],
  [
    'a message of Subscribe',
    decodeSubscriptionMessage,
    (given: Buffer) => fromWireSubscriptionMessage(fromBinary(SubscribeResponseSchema, given)),
    subscribeResponse,
  ],
  [
    'what a consumer is told',
    decodeToConsumer,
    (given: Buffer) => fromWireToConsumer(fromBinary(ConsumeResponseSchema, given)),
    consumeResponse,
  ],
] as const)('%s, decoded by hand,', (_, quick, plain, given) => {
  it('is what the library makes of it, whatever fields come and in whatever order', () => {
    expectSame(quick, plain, given, 600);
  });

  it('is refused where the library refuses it, with the same error', () => {
    expectSame(quick, plain, damaged(given), 600);
  });
});

describe('what the service sends, decoded by hand,', () => {
  it('is what was put in', () => {
    fc.assert(
      fc.property(page, (given) => {
        expect(decodeLoadPage(encodeLoadPage(given))).toEqual(given);
        expect(decodeSubscriptionMessage(encodeSubscriptionMessage(given))).toEqual(given);
        const deliveries = [{ events: given.events, attempt: 3, replayed: true }];
        expect(decodeToConsumer(encodeDeliver(deliveries))).toEqual({ kind: 'DELIVER', deliveries });
      }),
      { numRuns: 500 },
    );
  });

  it('is the same from damaged bytes as by the library', () => {
    expectSame(decodeLoadPage, plainLoadPage, damaged(page.map(encodeLoadPage)), 600);
  });
});

describe('an event that was read', () => {
  const data = (length: number, fill: number) => new Uint8Array(length).fill(fill);

  function read(...datas: Uint8Array[]): readonly Event[] {
    const [given] = fc.sample(event, 1);
    if (!given) throw new Error('no sample');
    const events = datas.map((one) => ({ ...given, data: one }));
    const sent: LoadPage = { events, scannedAfter: 0n, scannedTo: 1n, epoch: 1n };
    return decodeLoadPage(encodeLoadPage(sent)).events;
  }

  it('keeps 8 KiB at most beside its data, and never its page', () => {
    const datas = Array.from({ length: 200 }, (_, index) => data((index * 97) % 5000, index % 256));
    const events = read(...datas);
    expect(Buffer.concat(events.map((one) => one.data)).equals(Buffer.concat(datas))).toBe(true);
    for (const { data: kept } of events)
      expect(kept.buffer.byteLength).toBeLessThanOrEqual(Math.max(8192, kept.byteLength));
  });

  it('does not change with the bytes that it came in, nor with another event', () => {
    const [first, second] = read(data(10, 1), data(10, 2));
    first?.data.fill(9);
    expect(second?.data).toEqual(data(10, 2));
  });

  it('is a plain object: it can be spread, compared and cloned', () => {
    const [given] = read(data(10, 1));
    expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
    expect(structuredClone(given)).toEqual(given);
    expect(Object.keys({ ...given })).toEqual(
      expect.arrayContaining(['eventId', 'stream', 'data', 'recordedAt']),
    );
  });
});
