import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DeleteStreamRequestSchema,
  EraseEventsRequestSchema,
  EraseStreamRequestSchema,
  RestoreStreamRequestSchema,
  SetRetentionRequestSchema,
  StreamChangedSchema,
  TruncateStreamRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import {
  fromWireDeleteStream,
  fromWireEraseEvents,
  fromWireEraseStream,
  fromWireRestoreStream,
  fromWireSetRetention,
  fromWireStreamChanged,
  fromWireTruncateStream,
  toWireDeleteStream,
  toWireEraseEvents,
  toWireEraseStream,
  toWireRestoreStream,
  toWireSetRetention,
  toWireStreamChanged,
  toWireTruncateStream,
} from '../../src/wire/stream-changes.js';
import { name, positive, stream, text, time, uint64 } from './arbitraries.js';
import { violationsOf } from './violations.js';

const common = {
  stream,
  expectedVersion: fc.oneof(positive, fc.constantFrom<ExpectedVersion>('NO_STREAM', 'STREAM_EXISTS', 'ANY')),
  metadata: fc.dictionary(name, text, { maxKeys: 3 }),
  eventId: fc.uuid(),
};
const requiredKeys = ['stream', 'expectedVersion', 'metadata'] as const;
const plain = fc.record(common, { requiredKeys: [...requiredKeys] });
/** Microseconds, as many as a Duration of nine digits and more. */
const age = fc.bigInt(0n, 10n ** 17n);

describe('a change of a stream over the wire', () => {
  it('comes out as it went in, of each kind', () => {
    fc.assert(
      fc.property(plain, uint64, (request, beforeVersion) => {
        expect(
          fromWireDeleteStream(
            fromBinary(
              DeleteStreamRequestSchema,
              toBinary(DeleteStreamRequestSchema, toWireDeleteStream(request)),
            ),
          ),
        ).toEqual({ ...request, kind: 'DELETE' });
        expect(
          fromWireRestoreStream(
            fromBinary(
              RestoreStreamRequestSchema,
              toBinary(RestoreStreamRequestSchema, toWireRestoreStream(request)),
            ),
          ),
        ).toEqual({ ...request, kind: 'RESTORE' });
        expect(
          fromWireEraseStream(
            fromBinary(
              EraseStreamRequestSchema,
              toBinary(EraseStreamRequestSchema, toWireEraseStream(request)),
            ),
          ),
        ).toEqual({ ...request, kind: 'ERASE' });
        expect(
          fromWireTruncateStream(
            fromBinary(
              TruncateStreamRequestSchema,
              toBinary(TruncateStreamRequestSchema, toWireTruncateStream({ ...request, beforeVersion })),
            ),
          ),
        ).toEqual({ ...request, kind: 'TRUNCATE', beforeVersion });
      }),
    );
  });

  it('comes out as it went in with what is to be kept', () => {
    const retentions = fc.record({ maxAge: age, maxCount: positive }, { requiredKeys: [] });
    fc.assert(
      fc.property(plain, retentions, (request, retention) => {
        const bytes = toBinary(SetRetentionRequestSchema, toWireSetRetention({ ...request, retention }));
        expect(fromWireSetRetention(fromBinary(SetRetentionRequestSchema, bytes))).toEqual({
          ...request,
          kind: 'SET_RETENTION',
          retention,
        });
      }),
    );
  });

  it('comes out as it went in with the versions that are to be erased', () => {
    const ranges = fc.array(fc.record({ first: positive, last: positive }), { maxLength: 4 });
    fc.assert(
      fc.property(plain, ranges, (request, versions) => {
        const bytes = toBinary(EraseEventsRequestSchema, toWireEraseEvents({ ...request, versions }));
        expect(fromWireEraseEvents(fromBinary(EraseEventsRequestSchema, bytes))).toEqual({
          ...request,
          kind: 'ERASE_EVENTS',
          versions,
        });
      }),
    );
  });

  it('is answered with what came of it', () => {
    const changes = fc.record({
      stream,
      version: uint64,
      position: uint64,
      epoch: uint64,
      eventId: text,
      recordedAt: time,
      deduplicated: fc.boolean(),
    });
    fc.assert(
      fc.property(changes, (changed) => {
        const bytes = toBinary(StreamChangedSchema, toWireStreamChanged(changed));
        expect(fromWireStreamChanged(fromBinary(StreamChangedSchema, bytes))).toEqual(changed);
      }),
    );
  });
});

describe('a change of the wrong shape', () => {
  const change = { stream: {}, expectedVersion: { expectation: { case: 'any', value: {} } } } as const;

  it('is refused where the change is not set, with all else that is wrong', () => {
    expect(violationsOf(() => fromWireDeleteStream(create(DeleteStreamRequestSchema)))).toEqual(['change']);
    expect(violationsOf(() => fromWireEraseStream(create(EraseStreamRequestSchema)))).toEqual(['change']);
    expect(violationsOf(() => fromWireRestoreStream(create(RestoreStreamRequestSchema)))).toEqual(['change']);
    expect(violationsOf(() => fromWireTruncateStream(create(TruncateStreamRequestSchema)))).toEqual([
      'change',
    ]);
    const versions = [{ first: 1n }, { last: 4n }];
    expect(violationsOf(() => fromWireEraseEvents(create(EraseEventsRequestSchema, { versions })))).toEqual([
      'versions[0].last',
      'versions[1].first',
      'change',
    ]);
  });

  it('never takes an expectation that is not set for any', () => {
    const request = create(DeleteStreamRequestSchema, { change: { stream: {}, expectedVersion: {} } });
    expect(violationsOf(() => fromWireDeleteStream(request))).toEqual(['change.expected_version']);
    expect(
      violationsOf(() => fromWireDeleteStream(create(DeleteStreamRequestSchema, { change: {} }))),
    ).toEqual(['change.stream', 'change.expected_version']);
  });

  it.each([
    [{ seconds: -1n }, 'retention.max_age'],
    [{ seconds: 1n, nanos: -1000 }, 'retention.max_age'],
    [{ seconds: 1n, nanos: 1 }, 'retention.max_age.nanos'],
    [{ seconds: 1n, nanos: 1_000_000_000 }, 'retention.max_age.nanos'],
  ])('names an age that the store would have to change: %o', (maxAge, field) => {
    const init: MessageInitShape<typeof SetRetentionRequestSchema> = { change, retention: { maxAge } };
    expect(violationsOf(() => fromWireSetRetention(create(SetRetentionRequestSchema, init)))).toEqual([
      field,
    ]);
  });
});
