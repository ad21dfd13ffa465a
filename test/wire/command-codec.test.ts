import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ExecuteStreamRequestSchema,
  ExecuteStreamResponseSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { Command, Executed } from '../../src/core/command.js';
import { OverloadedError } from '../../src/core/errors.js';
import { toWireCommand, toWireExecuted } from '../../src/wire/command.js';
import * as results from '../../src/wire/command-results.js';
import { toWireStatus } from '../../src/wire/errors.js';
import * as commands from '../../src/wire/pipelined-command.js';
import { metadata, stream, text, uint64 } from './arbitraries.js';
import { damage, damaged, outcomeOf, shown } from './both-ways.js';

const bytes = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 120, maxLength: 300 }));

const command = fc.record(
  {
    commandId: text,
    commandType: text,
    aggregateId: text,
    data: fc.oneof(
      fc.record({ kind: fc.constant('JSON'), bytes }),
      fc.record({ kind: fc.constant('MESSAGE'), typeName: text, bytes }),
    ),
    metadata,
    expectedVersion: fc.oneof(fc.constantFrom('NO_STREAM', 'STREAM_EXISTS', 'ANY'), uint64),
  },
  { requiredKeys: ['commandType', 'data'] },
) as fc.Arbitrary<Command>;

const executed: fc.Arbitrary<Executed> = fc.record({
  aggregate: stream,
  version: uint64,
  position: uint64,
  epoch: uint64,
  commandId: text,
  eventIds: fc.array(fc.oneof(fc.uuid(), text), { maxLength: 3 }),
  deduplicated: fc.boolean(),
});

const error = new OverloadedError('Too much', { limit: 'some', outcome: 'NOT_APPLIED' });

const messageOf = (given: readonly (readonly [bigint, Command])[]) =>
  Buffer.concat(given.map(([correlation, one]) => commands.encodePipelinedCommand(correlation, one)));

describe('a command written by hand', () => {
  it('is byte for byte what the library makes', () => {
    fc.assert(
      fc.property(uint64, command, (correlation, given) => {
        const library = toBinary(
          ExecuteStreamRequestSchema,
          create(ExecuteStreamRequestSchema, { commands: [{ correlation, command: toWireCommand(given) }] }),
        );
        expect(commands.encodePipelinedCommand(correlation, given).equals(library)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('commands read by hand', () => {
  it('are what the library reads', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(uint64, command), { maxLength: 3 }), (given) => {
        const message = messageOf(given);
        const read = commands.decodeExecuteStreamRequest(message);
        expect(shown(read)).toBe(shown(commands.decodeByLibrary(message)));
        expect(read).toHaveLength(given.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('are what the library reads, or refused as it refuses, where bytes are changed', () => {
    let whole = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(uint64, command), { minLength: 1, maxLength: 2 }),
        damage,
        (given, done) => {
          const message = damaged(messageOf(given), done);
          const read = outcomeOf(() => commands.decodeExecuteStreamRequest(message));
          expect(shown(read)).toBe(shown(outcomeOf(() => commands.decodeByLibrary(message))));
          if (read !== 'throws') whole += 1;
        },
      ),
      { numRuns: 1000 },
    );
    expect(whole).toBeGreaterThan(10);
  });

  it('that lack something are refused one by one, with the place of each', () => {
    const whole = { commandType: 'Open', data: { kind: 'JSON', bytes: Buffer.from('{}') } } as const;
    const empty = toBinary(
      ExecuteStreamRequestSchema,
      create(ExecuteStreamRequestSchema, {
        commands: [{ correlation: 2n }, { correlation: 3n, command: {} }],
      }),
    );
    const message = Buffer.concat([commands.encodePipelinedCommand(1n, whole), empty]);
    expect(commands.decodeExecuteStreamRequest(message)).toMatchObject([
      { correlation: 1n, command: { commandType: 'Open' } },
      {
        correlation: 2n,
        command: { violations: [{ field: 'commands[1].command', description: 'must be set' }] },
      },
      { correlation: 3n, command: { violations: [{ field: 'data' }] } },
    ]);
  });
});

describe('results of commands written by hand', () => {
  it('are byte for byte what the library makes', () => {
    fc.assert(
      fc.property(uint64, executed, (correlation, given) => {
        const result = { case: 'executed', value: toWireExecuted(given) } as const;
        const library = toBinary(
          ExecuteStreamResponseSchema,
          create(ExecuteStreamResponseSchema, { results: [{ correlation, result }] }),
        );
        expect(results.encodeCommandResult(correlation, given).equals(library)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    const result = { case: 'failed', value: toWireStatus(error) } as const;
    const library = toBinary(
      ExecuteStreamResponseSchema,
      create(ExecuteStreamResponseSchema, { results: [{ correlation: 7n, result }] }),
    );
    expect(results.encodeCommandFailure(7n, error).equals(library)).toBe(true);
  });

  it('and read by hand are what the library reads, failures among them, and bytes that were changed', () => {
    let whole = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(uint64, fc.option(executed)), { maxLength: 3 }),
        fc.option(damage),
        (given, done) => {
          const message = Buffer.concat(
            given.map(([correlation, one]) =>
              one === null
                ? results.encodeCommandFailure(correlation, error)
                : results.encodeCommandResult(correlation, one),
            ),
          );
          const changed = done === null ? message : damaged(message, done);
          const read = outcomeOf(() => results.decodeExecuteStreamResponse(changed));
          expect(shown(read)).toBe(shown(outcomeOf(() => results.decodeByLibrary(changed))));
          if (read !== 'throws') whole += 1;
        },
      ),
      { numRuns: 1000 },
    );
    expect(whole).toBeGreaterThan(100);
  });
});
