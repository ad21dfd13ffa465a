import { create } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type StreamId, StreamIdSchema } from '../../gen/headwater/v1/stream_pb.js';
import { InvalidRequestError } from '../../src/core/errors.js';
import type { Event, NewEvent } from '../../src/core/event.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import { PayloadError } from '../../src/core/payload-errors.js';
import { protobuf } from '../../src/wire/protobuf-codec.js';
import { storedEvent } from '../core/events.js';

const types = eventTypes().register('Followed', { codec: protobuf(StreamIdSchema) });
const payload = { aggregateType: 'Account', aggregateId: 'ada' };
const afterStoring = (event: NewEvent, fields: Partial<Event> = {}) =>
  storedEvent({ ...(event as Partial<Event>), ...fields });

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('It did not throw');
}

describe('payloads as protobuf', () => {
  it('are written from a message, or from what it is made of', () => {
    const plain = types.encode('Followed', payload);
    expect(plain.contentType).toBe('application/protobuf; message=headwater.v1.StreamId');
    expect(types.encode('Followed', create(StreamIdSchema, payload)).data).toEqual(plain.data);
  });

  it('are read as messages', () => {
    const event = types.decode(afterStoring(types.encode('Followed', payload)));
    expect(event.payload).toEqual(create(StreamIdSchema, payload));
    if (event.payload !== undefined) expectTypeOf(event.payload).toEqualTypeOf<StreamId>();
  });

  it('do not compile with a wrong field', () => {
    // @ts-expect-error there is no such field
    expect(types.encode('Followed', { name: 'ada' }).data).toHaveLength(0);
  });

  it('that the message cannot hold are not written', () => {
    const times = eventTypes().register('At', { codec: protobuf(TimestampSchema) });
    const error = thrown(() => times.encode('At', { nanos: 1.5 }));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error).toMatchObject({ violations: [{ field: 'data' }] });
    expect((error as Error).message).toContain('google.protobuf.Timestamp');
  });

  it.each([
    [
      'another message',
      'application/protobuf; message=acme.Other',
      /names the message acme.Other, not headwater/,
    ],
    ['JSON', 'application/json', /is "application\/json", not application\/protobuf/],
    ['nothing said of it', 'application/octet-stream', /not application\/protobuf/],
  ])('are not read out of %s', (_, contentType, why) => {
    const error = thrown(() =>
      types.decode(afterStoring(types.encode('Followed', payload), { contentType })),
    );
    expect(error).toBeInstanceOf(PayloadError);
    expect((error as Error).message).toMatch(why);
    expect(error).toMatchObject({ violations: [{ field: 'content_type' }] });
  });

  it.each(['application/protobuf', 'application/x-protobuf; message="headwater.v1.StreamId"'])(
    'are read as %s, which other writers say',
    (contentType) => {
      const event = afterStoring(types.encode('Followed', payload), { contentType });
      expect(types.decode(event).payload).toMatchObject(payload);
    },
  );

  it('that are no protobuf are told with type and position', () => {
    const event = afterStoring(types.encode('Followed', payload), { data: new Uint8Array([0x0a, 9]) });
    const error = thrown(() => types.decode(event));
    expect(error).toBeInstanceOf(PayloadError);
    expect((error as Error).message).toContain('Followed at position 1');
  });

  it('may have been JSON before', () => {
    const moved = eventTypes().register('Followed', {
      schemaVersion: 2,
      codec: protobuf(StreamIdSchema),
      upcasters: {
        1: {
          codec: json(),
          upcast: ({ account }: { account: string }) => ({ aggregateType: 'Account', aggregateId: account }),
        },
      },
    });
    const old = storedEvent({ eventType: 'Followed', data: new TextEncoder().encode('{"account":"ada"}') });
    expect(moved.decode(old).payload).toEqual(create(StreamIdSchema, payload));
  });

  it('must not be upcast into another message', () => {
    const confused = eventTypes().register('Followed', {
      schemaVersion: 2,
      codec: protobuf(StreamIdSchema),
      upcasters: { 1: () => create(TimestampSchema) },
    });
    const old = afterStoring(types.encode('Followed', payload));
    expect((thrown(() => confused.decode(old)) as Error).message).toContain(
      'is a google.protobuf.Timestamp, not a headwater.v1.StreamId',
    );
  });
});
