import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import { decodeEvent, encodeEvent } from '../../src/relay/encoding.js';
import { UndecodableMessageError } from '../../src/relay/relay-error.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const EVENT: Event = {
  eventId: '01890a5d-ac96-774b-bcce-b302099a8057',
  stream: { aggregateType: 'Bank/Account 100%', aggregateId: 'a/b' },
  version: 3n,
  position: 9_223_372_036_854_775_807n,
  eventType: 'Deposited',
  data: bytes('{"amount": 12345678901234567890, "data":{"data":"\\"}"}}'),
  contentType: 'application/json',
  metadata: { correlation_id: 'c-1', 'odd "key"': 'line\n\u0085' },
  tags: ['owner:ada', 'a:b,c'],
  schemaVersion: 2,
  recordedAt: 1_769_851_800_123_456n,
};
const FROM = { source: '/headwater/bank', epoch: 7n };
const ENCODINGS = ['cloudevents', 'protobuf'] as const;

/** What our fields are made of, odd ones too. */
const events: fc.Arbitrary<Event> = fc.record({
  eventId: fc.uuid(),
  stream: fc.record({
    aggregateType: fc.string({ minLength: 1, unit: 'grapheme' }),
    aggregateId: fc.string({ minLength: 1, unit: 'grapheme' }),
  }),
  version: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
  position: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
  eventType: fc.string({ minLength: 1, unit: 'grapheme' }),
  data: fc.oneof(
    fc.uint8Array().map((data) => Uint8Array.from(data)),
    fc.json({ noUnicodeString: false }).map(bytes),
    fc.json().map((text) => bytes(` ${JSON.stringify(JSON.parse(text), undefined, 2)} `)),
  ),
  contentType: fc.constantFrom(
    'application/json',
    'application/x+json; v=1',
    'text/plain',
    'application/protobuf',
  ),
  metadata: fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ unit: 'grapheme' })),
  tags: fc.array(fc.string({ minLength: 1, unit: 'grapheme' })),
  schemaVersion: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  recordedAt: fc.bigInt({ min: 0n, max: 4_000_000_000_000_000n }),
});

describe('an event in a message', () => {
  it.each(ENCODINGS)('comes back with all its fields and the very bytes of its data, from %s', (encoding) => {
    fc.assert(
      fc.property(events, (event) => {
        // A dictionary may have no prototype.
        const plain = { ...event, metadata: { ...event.metadata } };
        expect(decodeEvent(encodeEvent(event, encoding, FROM))).toEqual(plain);
      }),
    );
  });

  it.each(ENCODINGS)('may be one that was erased, in %s', (encoding) => {
    const erased: Event = {
      ...EVENT,
      data: new Uint8Array(),
      contentType: '',
      metadata: {},
      tags: [],
      erased: true,
    };
    expect(decodeEvent(encodeEvent(erased, encoding, FROM))).toEqual(erased);
  });

  it('is a CloudEvent by the specification', () => {
    const { contentType, body } = encodeEvent(EVENT, 'cloudevents', FROM);
    expect(contentType).toBe('application/cloudevents+json; charset=UTF-8');
    const fields = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
    expect(fields).toEqual({
      specversion: '1.0',
      id: EVENT.eventId,
      source: '/headwater/bank',
      type: 'Deposited',
      subject: 'a/b',
      time: '2026-01-31T09:30:00.123456Z',
      datacontenttype: 'application/json',
      stream: 'Bank%2FAccount 100%25/a/b',
      position: '9223372036854775807',
      version: '3',
      epoch: '7',
      schemaversion: 2,
      metadata: expect.any(String),
      tags: '["owner:ada","a:b,c"]',
      data: expect.any(Object),
    });
    for (const name of Object.keys(fields)) expect(name).toMatch(/^[a-z0-9]{1,20}$|^data_base64$/);
    // Strings may hold no control characters.
    expect(fields['metadata']).not.toMatch(/\p{Cc}/u);
  });

  it('may be a CloudEvent that another program wrote anew', () => {
    const { contentType, body } = encodeEvent(EVENT, 'cloudevents', FROM);
    const text = new TextDecoder().decode(body).replace('12345678901234567890', '1');
    const anew = bytes(JSON.stringify(JSON.parse(text), undefined, 2));
    expect(JSON.parse(new TextDecoder().decode(decodeEvent({ contentType, body: anew }).data))).toEqual({
      amount: 1,
      data: { data: '"}' },
    });
  });

  it.each([
    ['text/plain', 'garbage', /content type "text\/plain"/],
    ['application/cloudevents+json', 'garbage', /no JSON object/],
    ['application/cloudevents+json', '{"specversion":"0.3"}', /specversion is "0.3"/],
    ['application/cloudevents+json', '{"specversion":"1.0","id":"x","type":"y"}', /has no time/],
    ['application/protobuf', '', /no event id/],
    ['application/protobuf', '\u0001\u0002\u0003', /no headwater.v1.Event|no event id/],
  ])('is refused where it is none: %s %s', (contentType, text, problem) => {
    const decode = () => decodeEvent({ contentType, body: bytes(text) });
    expect(decode).toThrow(UndecodableMessageError);
    expect(decode).toThrow(problem);
  });
});
