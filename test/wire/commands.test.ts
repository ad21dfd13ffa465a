import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  ExplainRequestSchema,
  ExplainResponseSchema,
  type Existence as ExistenceNumber,
  GetPermissionModelResponseSchema,
  HandleRequestSchema,
  HandleResponseSchema,
  ListCommandsResponseSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import {
  AppendedSchema,
  AppendRequestSchema,
  FindCommandResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { CommandTypeInfo } from '../../src/auth/command-type.js';
import { Policy } from '../../src/auth/policy.js';
import type { Principal, RoleBinding } from '../../src/auth/principal.js';
import type { AppendCondition, Appended, CommandEntry } from '../../src/core/append.js';
import type { Command, Executed, Existence } from '../../src/core/command.js';
import { CommandRejectedError, type RejectionCode } from '../../src/core/errors.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import {
  fromWireAppended,
  fromWireAppendRequest,
  toWireAppended,
  toWireAppendRequest,
} from '../../src/wire/append.js';
import { fromWireFindCommandResponse, toWireFindCommandResponse } from '../../src/wire/command-entry.js';
import { fromWireCommand, fromWireExecuted, toWireCommand, toWireExecuted } from '../../src/wire/command.js';
import {
  type ExplainRequest,
  type Explanation,
  fromWireCommandList,
  fromWireExplainRequest,
  fromWireExplanation,
  fromWirePermissionModel,
  type PermissionModel,
  toWireCommandList,
  toWireExplainRequest,
  toWireExplanation,
  toWirePermissionModel,
} from '../../src/wire/permissions.js';
import {
  type DecidePage,
  type FromWorker,
  fromWireFromWorker,
  fromWireToWorker,
  type ToWorker,
  toWireFromWorker,
  toWireToWorker,
} from '../../src/wire/worker.js';
import { event, name, positive, stream, text, time, uint64 } from './arbitraries.js';
import { violationsOf } from './violations.js';

const buffer = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes));
const bytes = fc.uint8Array({ maxLength: 50 });
const metadata = fc.dictionary(name, text, { maxKeys: 3 });
const expected = fc.oneof(positive, fc.constantFrom<ExpectedVersion>('NO_STREAM', 'STREAM_EXISTS', 'ANY'));
const integer = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const plainName = fc.string({ unit: fc.constantFrom('A', 'b', 'é', '1', '_'), minLength: 1, maxLength: 20 });

const command: fc.Arbitrary<Command> = fc.record(
  {
    commandId: name,
    commandType: text,
    aggregateId: name,
    data: fc.oneof(
      buffer.map((json) => ({ kind: 'JSON' as const, bytes: json })),
      fc.record({
        kind: fc.constant('MESSAGE' as const),
        typeName: name.filter((value) => !value.includes('/')),
        bytes: buffer,
      }),
    ),
    metadata,
    expectedVersion: expected,
  },
  { requiredKeys: ['commandType', 'data', 'metadata'] },
);
const executed: fc.Arbitrary<Executed> = fc.record({
  aggregate: stream,
  version: uint64,
  position: uint64,
  epoch: uint64,
  commandId: text,
  eventIds: fc.array(fc.uuid(), { maxLength: 3 }),
  deduplicated: fc.boolean(),
});
const policy = fc
  .record(
    {
      roles: fc.array(plainName, { maxLength: 3 }),
      scopes: fc.array(plainName, { maxLength: 3 }),
      resourceField: plainName,
    },
    { requiredKeys: ['roles', 'scopes'] },
  )
  .map((parts) => new Policy(parts));
const commandType: fc.Arbitrary<CommandTypeInfo> = fc.record({
  commandType: plainName,
  aggregateType: plainName,
  existence: fc.constantFrom<Existence>('ANY', 'MUST_EXIST', 'MUST_NOT_EXIST'),
  policies: fc.array(policy, { maxLength: 3 }),
});
const newEvent = fc.record({
  eventType: text,
  data: buffer,
  metadata,
  tags: fc.array(text, { maxLength: 3 }),
});
const condition: fc.Arbitrary<AppendCondition> = fc.record({
  items: fc.array(fc.record({ tags: fc.array(name, { minLength: 1, maxLength: 2 }) }), { maxLength: 2 }),
  after: fc.record({ position: uint64, epoch: positive }),
});
const newSnapshot = fc.record(
  { version: uint64, data: buffer, contentType: text, schemaVersion: integer },
  { requiredKeys: ['version', 'data', 'contentType'] },
);
const rejected = fc
  .record({
    reason: fc.string({ unit: fc.constantFrom('A', 'Z', '0', '9', '_'), minLength: 1, maxLength: 63 }),
    message: name,
    code: fc.constantFrom<RejectionCode>('NOT_FOUND', 'FAILED_PRECONDITION', 'ALREADY_EXISTS', 'ABORTED'),
    facts: fc.dictionary(fc.constantFrom('a', 'é', 'limit'), fc.string({ maxLength: 40 })),
  })
  .map(({ reason, message, ...options }) => new CommandRejectedError(reason, message, options));
const fromWorker: fc.Arbitrary<FromWorker> = fc.oneof(
  fc.record({
    kind: fc.constant('REGISTER' as const),
    registration: fc.record({
      name: plainName,
      commands: fc.uniqueArray(commandType, {
        minLength: 1,
        maxLength: 3,
        selector: (one) => one.commandType,
      }),
      maxInFlight: fc.integer({ min: 1, max: 1000 }),
      keepsState: fc.boolean(),
    }),
  }),
  fc.record({
    kind: fc.constant('DECISION' as const),
    correlation: uint64,
    outcome: fc.oneof(
      fc.record(
        {
          kind: fc.constant('ACCEPTED' as const),
          events: fc.array(newEvent, { maxLength: 3 }),
          condition,
          checks: fc.array(fc.record({ stream, expectedVersion: expected }), { minLength: 1, maxLength: 2 }),
          snapshot: newSnapshot,
        },
        { requiredKeys: ['kind', 'events'] },
      ),
      rejected.map((error) => ({ kind: 'REJECTED' as const, error })),
      fc.constant({ kind: 'NEEDS_EVENTS' as const }),
    ),
  }),
  fc.constant<FromWorker>({ kind: 'DRAINING' }),
);
const page: fc.Arbitrary<DecidePage> = fc.record(
  {
    correlation: uint64,
    command,
    aggregate: stream,
    version: uint64,
    snapshot: fc.record({
      version: uint64,
      data: bytes,
      contentType: text,
      schemaVersion: integer,
      takenAt: time,
    }),
    afterVersion: uint64,
    events: fc.array(event, { maxLength: 3 }),
    more: fc.boolean(),
    principal: text,
  },
  { requiredKeys: ['correlation', 'version', 'afterVersion', 'events', 'more', 'principal'] },
);
const toWorker: fc.Arbitrary<ToWorker> = fc.oneof(
  fc.record({ kind: fc.constant('REGISTERED' as const), workerId: text, decideTimeoutMs: integer }),
  page.map((one): ToWorker => ({ kind: 'DECIDE', page: one })),
  fc.record({ kind: fc.constant('CANCEL' as const), correlation: uint64 }),
  fc.constant<ToWorker>({ kind: 'DRAINING' }),
);
const binding: fc.Arbitrary<RoleBinding> = fc.record(
  { role: plainName, scope: plainName, resource: plainName },
  { requiredKeys: ['role', 'scope'] },
);
const principal: fc.Arbitrary<Principal & { readonly kind: 'USER' }> = fc.record({
  kind: fc.constant('USER' as const),
  id: plainName,
  bindings: fc.array(binding, { maxLength: 3 }),
});

describe('a command over the wire', () => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(command, (one) => {
        const sent = toBinary(ExecuteRequestSchema, toWireCommand(one));
        expect(fromWireCommand(fromBinary(ExecuteRequestSchema, sent))).toEqual(one);
      }),
    );
  });

  it('is answered with what it came to', () => {
    fc.assert(
      fc.property(executed, (one) => {
        const sent = toBinary(ExecuteResponseSchema, toWireExecuted(one));
        expect(fromWireExecuted(fromBinary(ExecuteResponseSchema, sent))).toEqual(one);
      }),
    );
  });

  it('stands in the ledger entry of an append, whose repeat has the result of the first time', () => {
    const entry: fc.Arbitrary<CommandEntry> = fc.record({
      commandId: text,
      commandType: text,
      bodyHash: buffer,
      result: buffer,
    });
    fc.assert(
      fc.property(entry, (one) => {
        const request = { streams: [], onConflict: 'THROW' as const, command: one };
        const sent = toBinary(AppendRequestSchema, toWireAppendRequest(request));
        expect(fromWireAppendRequest(fromBinary(AppendRequestSchema, sent))).toEqual(request);
      }),
    );
    const appended: Appended = {
      outcome: 'APPENDED',
      firstPosition: 0n,
      lastPosition: 0n,
      versions: [],
      eventIds: [],
      recordedAt: undefined,
      epoch: 1n,
      deduplicated: true,
      commandResult: new Uint8Array([1, 2]),
    };
    const sent = toBinary(AppendedSchema, toWireAppended(appended));
    expect(fromWireAppended(fromBinary(AppendedSchema, sent))).toEqual(appended);
  });

  it('that the ledger has comes out as it went in, and one that it has not as nothing', () => {
    const ledger = fc.record({
      commandId: text,
      commandType: text,
      bodyHash: bytes,
      result: bytes,
      firstPosition: uint64,
      lastPosition: uint64,
      recordedAt: time,
      eventIds: fc.array(text),
      versions: fc.array(fc.record({ stream, version: uint64 })),
      epoch: uint64,
    });
    fc.assert(
      fc.property(fc.option(ledger, { nil: undefined }), (one) => {
        const sent = toBinary(FindCommandResponseSchema, toWireFindCommandResponse(one));
        expect(fromWireFindCommandResponse(fromBinary(FindCommandResponseSchema, sent))).toEqual(one);
      }),
    );
  });

  it('without data, or with a message of no type, is refused', () => {
    const fields = (init: MessageInitShape<typeof ExecuteRequestSchema>) =>
      violationsOf(() => fromWireCommand(create(ExecuteRequestSchema, init)));
    expect(fields({})).toEqual(['data']);
    expect(fields({ data: { case: 'message', value: {} } })).toEqual(['message.type_url']);
    expect(fields({ data: { case: 'json', value: new Uint8Array() }, expectedVersion: {} })).toEqual([
      'expected_version',
    ]);
  });

  it('names its message by the last part of the type URL', () => {
    const value = { typeUrl: 'buf.build/acme/acme.v1.Open', value: new Uint8Array() };
    const request = create(ExecuteRequestSchema, { data: { case: 'message', value } });
    expect(fromWireCommand(request).data).toMatchObject({ typeName: 'acme.v1.Open' });
  });
});

describe('what workers and the service say', () => {
  it('comes out as it went in, from the worker', () => {
    fc.assert(
      fc.property(fromWorker, (message) => {
        const sent = toBinary(HandleRequestSchema, toWireFromWorker(message));
        expect(fromWireFromWorker(fromBinary(HandleRequestSchema, sent))).toEqual(message);
      }),
    );
  });

  it('comes out as it went in, to the worker', () => {
    fc.assert(
      fc.property(toWorker, (message) => {
        const sent = toBinary(HandleResponseSchema, toWireToWorker(message));
        expect(fromWireToWorker(fromBinary(HandleResponseSchema, sent))).toEqual(message);
      }),
    );
  });

  const fields = (init: MessageInitShape<typeof HandleRequestSchema>) =>
    violationsOf(() => fromWireFromWorker(create(HandleRequestSchema, init)));
  const register = (value: object) => fields({ message: { case: 'register', value } });
  const decision = (outcome: object) =>
    fields({ message: { case: 'decision', value: { outcome } as never } });

  it('a message that says nothing is refused', () => {
    expect(fields({})).toEqual(['message']);
    expect(decision({ case: undefined })).toEqual(['decision.outcome']);
  });

  it('a registration must name command types, each once and with its aggregate', () => {
    expect(register({})).toEqual(['register.commands']);
    expect(register({ commands: [{}] })).toEqual([
      'register.commands[0].command_type',
      'register.commands[0].aggregate_type',
    ]);
    const open = { commandType: 'Open', aggregateType: 'Account' };
    expect(register({ commands: [open, open] })).toEqual(['register.commands[1].command_type']);
    expect(register({ commands: [{ ...open, aggregateType: '$x' }] })).toEqual([
      'register.commands[0].aggregate_type',
    ]);
    expect(register({ commands: [{ ...open, existence: 9 as ExistenceNumber }] })).toEqual([
      'register.commands[0].existence',
    ]);
    expect(register({ commands: [{ ...open, policies: [{ roles: [''] }] }] })).toEqual([
      'register.commands[0].policies[0].roles[0]',
    ]);
    expect(register({ commands: [open], maxInFlight: 1001, name: 'é'.repeat(128) })).toEqual([
      'register.name',
      'register.max_in_flight',
    ]);
  });

  it('takes 16 commands at a time unless it says otherwise', () => {
    const commands = [{ commandType: 'Open', aggregateType: 'Account' }];
    const message = create(HandleRequestSchema, { message: { case: 'register', value: { commands } } });
    expect(fromWireFromWorker(message)).toMatchObject({ registration: { maxInFlight: 16 } });
  });

  it('a refusal must have a reason in capitals, a code of those allowed, and small facts', () => {
    const refusal = (value: object) => decision({ case: 'rejected', value });
    expect(refusal({})).toEqual(['decision.rejected.reason']);
    expect(refusal({ reason: 'no funds' })).toEqual(['decision.rejected.reason']);
    expect(refusal({ reason: 'NO', code: 13 })).toEqual(['decision.rejected.code']);
    expect(refusal({ reason: 'NO', metadata: { outcome: 'x' } })).toEqual(['decision.rejected.metadata']);
    expect(refusal({ reason: 'NO', metadata: { a: 'x'.repeat(1024) } })).toEqual([
      'decision.rejected.metadata',
    ]);
    expect(refusal({ reason: 'NO' })).toEqual([]);
  });

  it('a check must say of which stream, and what is expected', () => {
    expect(decision({ case: 'accepted', value: { checks: [{}] } })).toEqual([
      'decision.accepted.checks[0].stream',
      'decision.accepted.checks[0].expected_version',
    ]);
  });
});

describe('permissions over the wire', () => {
  it('come out as they went in', () => {
    const list = fc.array(
      fc.record({ command: commandType, inService: fc.boolean(), workers: fc.integer({ min: 0, max: 9 }) }),
    );
    const model: fc.Arbitrary<PermissionModel> = fc.record({
      roles: fc.array(text, { maxLength: 3 }),
      scopes: fc.array(text, { maxLength: 3 }),
      permissions: fc.array(fc.record({ commandType: text, policies: fc.array(policy, { maxLength: 2 }) }), {
        maxLength: 3,
      }),
    });
    const explanation: fc.Arbitrary<Explanation> = fc.record({
      allowed: fc.boolean(),
      summary: text,
      verdicts: fc.array(
        fc.record({
          policy: text,
          binding: fc.option(binding, { nil: undefined }),
          allows: fc.boolean(),
          because: text,
        }),
        { maxLength: 3 },
      ),
    });
    const question: fc.Arbitrary<ExplainRequest> = fc.record(
      {
        commandType: plainName,
        aggregateId: name,
        json: fc.uint8Array({ minLength: 1, maxLength: 9 }),
        principal,
      },
      { requiredKeys: ['commandType'] },
    );
    fc.assert(
      fc.property(list, model, explanation, question, (commands, permissions, why, asked) => {
        const listed = toBinary(ListCommandsResponseSchema, toWireCommandList(commands));
        expect(fromWireCommandList(fromBinary(ListCommandsResponseSchema, listed))).toEqual(commands);
        const modelled = toBinary(GetPermissionModelResponseSchema, toWirePermissionModel(permissions));
        expect(fromWirePermissionModel(fromBinary(GetPermissionModelResponseSchema, modelled))).toEqual(
          permissions,
        );
        const explained = toBinary(ExplainResponseSchema, toWireExplanation(why));
        expect(fromWireExplanation(fromBinary(ExplainResponseSchema, explained))).toEqual(why);
        const sent = toBinary(ExplainRequestSchema, toWireExplainRequest(asked));
        expect(fromWireExplainRequest(fromBinary(ExplainRequestSchema, sent))).toEqual(asked);
      }),
    );
  });

  it('are not explained to bindings without role or scope', () => {
    const request = create(ExplainRequestSchema, { principal: { bindings: [{}] } });
    expect(violationsOf(() => fromWireExplainRequest(request))).toEqual([
      'command_type',
      'principal.bindings[0].role',
      'principal.bindings[0].scope',
    ]);
  });
});
