import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AppendRequestSchema,
  AppendResponseSchema,
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
  PipelinedAppendResultSchema,
  PipelinedAppendSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { AppendOutcome, AppendRequest } from '../../src/core/append.js';
import { OverloadedError } from '../../src/core/errors.js';
import {
  fromWireAppendRequest,
  toWireAppended,
  toWireAppendRequest,
  toWireAppendResponse,
} from '../../src/wire/append.js';
import * as results from '../../src/wire/append-results.js';
import * as requests from '../../src/wire/decode-append.js';
import { encodePipelinedAppend } from '../../src/wire/encode-append.js';
import { toWireStatus } from '../../src/wire/errors.js';
import { toWireRefused } from '../../src/wire/refused.js';
import { event, metadata, stream, text, time, uint64 } from './arbitraries.js';
import { damage, damaged, outcomeOf, shown } from './both-ways.js';

const bytes = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 120, maxLength: 300 }));
const position = fc.record({ position: uint64, epoch: uint64 }, { requiredKeys: ['position'] });
const expectedVersion = fc.oneof(fc.constantFrom('NO_STREAM', 'STREAM_EXISTS', 'ANY'), uint64);

const newEvent = fc.record(
  {
    eventId: fc.oneof(fc.uuid(), text),
    eventType: text,
    data: bytes,
    contentType: text,
    metadata,
    tags: fc.array(text, { maxLength: 4 }),
    schemaVersion: fc.nat(),
  },
  { requiredKeys: ['eventType', 'data'] },
);

const request = fc.record(
  {
    streams: fc.array(fc.record({ stream, expectedVersion, events: fc.array(newEvent, { maxLength: 3 }) }), {
      maxLength: 3,
    }),
    condition: fc.record(
      {
        items: fc.array(
          fc.record(
            { eventTypes: fc.array(text, { maxLength: 3 }), tags: fc.array(text, { maxLength: 3 }) },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        ),
        after: position,
      },
      { requiredKeys: ['items'] },
    ),
    command: fc.record({ commandId: text, commandType: text, bodyHash: bytes, result: bytes }),
    onConflict: fc.constantFrom('THROW', 'RETURN'),
    interveningBytes: fc.nat(),
  },
  { requiredKeys: ['streams'] },
) as fc.Arbitrary<AppendRequest>;

const appended = fc
  .record({
    firstPosition: uint64,
    lastPosition: uint64,
    versions: fc.array(fc.record({ stream, version: uint64 }), { maxLength: 3 }),
    eventIds: fc.array(fc.oneof(fc.uuid(), text), { maxLength: 3 }),
    recordedAt: fc.option(time, { nil: undefined }),
    epoch: uint64,
    deduplicated: fc.boolean(),
    commandResult: fc.option(bytes, { nil: undefined }),
  })
  .map(
    ({ commandResult, ...rest }): AppendOutcome => ({
      outcome: 'APPENDED',
      ...rest,
      ...(commandResult === undefined ? {} : { commandResult }),
    }),
  );

const refused = fc
  .record({
    conflicts: fc.array(fc.record({ stream, expected: expectedVersion, actual: uint64 }), { maxLength: 3 }),
    intervening: fc.option(
      fc.record({ events: fc.array(event, { maxLength: 2 }), truncated: fc.boolean() }),
      { nil: undefined },
    ),
  })
  .map(({ conflicts, intervening }) => ({
    outcome: 'REFUSED',
    conflicts,
    ...(intervening === undefined ? {} : { intervening }),
  })) as fc.Arbitrary<AppendOutcome>;

describe('an append written by hand', () => {
  it('is byte for byte what the library makes', () => {
    fc.assert(
      fc.property(uint64, request, (correlation, given) => {
        const library = toBinary(
          AppendStreamRequestSchema,
          create(AppendStreamRequestSchema, {
            requests: [create(PipelinedAppendSchema, { correlation, append: toWireAppendRequest(given) })],
          }),
        );
        expect(encodePipelinedAppend(correlation, given).equals(library)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('may be as long as appends may be', () => {
    const data = Buffer.alloc(4 * 1024 * 1024, 7);
    const given: AppendRequest = {
      streams: [
        {
          stream: { aggregateType: 'T', aggregateId: '1' },
          expectedVersion: 'ANY',
          events: [{ eventType: 'E', data }],
        },
      ],
    };
    const [read] = requests.decodeAppendStreamRequest(encodePipelinedAppend(1n, given));
    const append = read?.append;
    if (append === undefined || append instanceof Error) throw new Error('It was not read');
    expect(append.streams[0]?.events[0]?.data.byteLength).toBe(data.byteLength);
    expect(data.equals(append.streams[0]?.events[0]?.data ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('appends read by hand', () => {
  it('are what the library reads', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(uint64, request), { maxLength: 3 }), (given) => {
        const message = Buffer.concat(
          given.map(([correlation, one]) => encodePipelinedAppend(correlation, one)),
        );
        const read = requests.decodeAppendStreamRequest(message);
        expect(shown(read)).toBe(shown(requests.decodeByLibrary(message)));
        expect(read).toHaveLength(given.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('are what the library reads, or refused as it refuses, where bytes are changed', () => {
    let whole = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(uint64, request), { minLength: 1, maxLength: 2 }),
        damage,
        (given, done) => {
          const bytes = damaged(
            Buffer.concat(given.map(([correlation, one]) => encodePipelinedAppend(correlation, one))),
            done,
          );
          const read = outcomeOf(() => requests.decodeAppendStreamRequest(bytes));
          expect(shown(read)).toBe(shown(outcomeOf(() => requests.decodeByLibrary(bytes))));
          if (read !== 'throws') whole += 1;
        },
      ),
      { numRuns: 1000 },
    );
    expect(whole).toBeGreaterThan(10);
  });
});

describe('one append read by hand', () => {
  it('is what the library reads, or refused as it refuses', () => {
    fc.assert(
      fc.property(request, fc.option(damage), (given, done) => {
        const whole = Buffer.from(toBinary(AppendRequestSchema, toWireAppendRequest(given)));
        const bytes = done === null ? whole : damaged(whole, done);
        const library = () => {
          const message = fromBinary(AppendRequestSchema, bytes);
          try {
            return fromWireAppendRequest(message);
          } catch (error) {
            return error;
          }
        };
        expect(shown(outcomeOf(() => requests.decodeAppendRequest(bytes)))).toBe(shown(outcomeOf(library)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('results written by hand', () => {
  it('are byte for byte what the library makes', () => {
    fc.assert(
      fc.property(uint64, fc.oneof(appended, refused), (correlation, outcome) => {
        const library = toBinary(
          AppendStreamResponseSchema,
          create(AppendStreamResponseSchema, {
            results: [
              create(PipelinedAppendResultSchema, {
                correlation,
                result:
                  outcome.outcome === 'APPENDED'
                    ? { case: 'appended', value: toWireAppended(outcome) }
                    : { case: 'refused', value: toWireRefused(outcome) },
              }),
            ],
          }),
        );
        expect(results.encodeAppendResult(correlation, outcome).equals(library)).toBe(true);
        const alone = toBinary(AppendResponseSchema, toWireAppendResponse(outcome));
        expect(results.encodeAppendResponse(outcome).equals(alone)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('and read by hand are what the library reads, failures among them, and bytes that were changed', () => {
    const failure = toWireStatus(new OverloadedError('Too much', { limit: 'some', outcome: 'NOT_APPLIED' }));
    let whole = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(uint64, fc.option(fc.oneof(appended, refused))), { maxLength: 3 }),
        fc.option(damage),
        (given, done) => {
          const message = Buffer.concat(
            given.map(([correlation, outcome]) =>
              outcome === null
                ? results.encodeAppendFailure(
                    correlation,
                    new OverloadedError('Too much', { limit: 'some', outcome: 'NOT_APPLIED' }),
                  )
                : results.encodeAppendResult(correlation, outcome),
            ),
          );
          const bytes = done === null ? message : damaged(message, done);
          const read = outcomeOf(() => results.decodeAppendStreamResponse(bytes));
          expect(shown(read)).toBe(shown(outcomeOf(() => results.decodeByLibrary(bytes))));
          if (read === 'throws') return;
          whole += 1;
          if (done === null && given.length === 1 && given[0]?.[1] === null)
            expect(read[0]?.failed?.code).toBe(failure.code);
        },
      ),
      { numRuns: 1000 },
    );
    expect(whole).toBeGreaterThan(100);
  });

  it('say of a failure what its status says', () => {
    const error = new OverloadedError('Too much', { limit: 'some', outcome: 'NOT_APPLIED' });
    const status = toWireStatus(error);
    const library = toBinary(
      AppendStreamResponseSchema,
      create(AppendStreamResponseSchema, {
        results: [{ correlation: 7n, result: { case: 'failed', value: status } }],
      }),
    );
    expect(results.encodeAppendFailure(7n, error).equals(library)).toBe(true);
  });
});
