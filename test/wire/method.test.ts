import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  AppendRequestSchema,
  EventStoreService,
  LoadRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { methodPath, requestDeserializer } from '../../src/wire/method.js';

const decode = requestDeserializer(LoadRequestSchema);

describe('the bytes of a request', () => {
  it('that are a message are that message', () => {
    const bytes = Buffer.from(toBinary(LoadRequestSchema, create(LoadRequestSchema, { limit: 3n })));
    expect(decode(bytes)).toMatchObject({ message: { limit: 3n }, byteLength: bytes.byteLength });
  });

  it('with a string that is not UTF-8 are the fault of who sent them', () => {
    // scope.stream { aggregate_type: 0xff 0xfe }
    const received = decode(Buffer.from([0x0a, 0x04, 0x0a, 0x02, 0xff, 0xfe]));
    expect(received).toMatchObject({
      malformed: {
        reason: 'INVALID_REQUEST',
        violations: [{ field: 'request', description: expect.stringContaining('not valid UTF-8') as string }],
      },
    });
  });

  it.each([
    ['cut off', [0x0a, 0x7f, 0x0a]],
    ['with an endless varint', [0x30, ...Array.from({ length: 11 }, () => 0xff)]],
    ['with a field number of 0', [0x00, 0x00]],
    ['with a wire type that is not defined', [0x0f]],
  ])('%s are the fault of who sent them', (_, bytes) => {
    expect(decode(Buffer.from(bytes))).toMatchObject({ malformed: { reason: 'INVALID_REQUEST' } });
  });

  it('keep a long string of many bytes that is cut in a character from being mended in silence', () => {
    const euros = Buffer.from('€'.repeat(100)).subarray(0, 299);
    const inner = Buffer.concat([Buffer.from([0x0a, 0xab, 0x02]), euros]);
    const bytes = Buffer.concat([Buffer.from([0x0a, 0xae, 0x02]), inner]);
    expect(decode(bytes)).toMatchObject({ malformed: { reason: 'INVALID_REQUEST' } });
  });
});

it('a method is found by its full name', () => {
  expect(methodPath(EventStoreService.method.appendStream)).toBe(
    '/headwater.v1.EventStoreService/AppendStream',
  );
  expect(AppendRequestSchema.typeName).toBe('headwater.v1.AppendRequest');
});
