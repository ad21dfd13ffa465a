import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  CommandService,
  ExecuteStreamRequestSchema,
  type ExecuteStreamResponse,
  type PipelinedCommandResult,
} from '../../gen/headwater/v1/command_service_pb.js';
import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { policy } from '../../src/auth/policy.js';
import { CommandRegistry } from '../../src/commands/command-registry.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { CommandRejectedError, InvalidRequestError, PolicyDeniedError } from '../../src/core/errors.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import { systemRuntime } from '../../src/system.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { accepted, always, DEPOSIT, jsonCommand, openWorker, principal, startWorker } from './raw-worker.js';
import { bidi, failureOf, startService, unary, until } from './service.js';

const { execute, executeStream, explain, getPermissionModel, listCommands } = CommandService.method;

const counted = eventTypes().register('Counted', { codec: json(z.object({ by: z.number() })) });
const counter = defineAggregate({
  type: 'Counter',
  initialState: () => ({ count: 0 }),
  events: counted,
  evolve: (state, { payload }) => ({ count: state.count + payload.by }),
  commands: {
    Count: {
      data: json(z.object({ by: z.number(), branch: z.string().optional() })),
      policies: [policy().withRole('teller').withScope('branch').withResource('branch')],
      decide: ({ count }, { by }) => {
        if (count + by > 10)
          throw new CommandRejectedError('TOO_MUCH', 'Ten is the limit', { facts: { count: String(count) } });
        return [counted.encode('Counted', { by })];
      },
    },
    Reset: { data: json(z.object({})), decide: () => [] },
  },
});
const domain = () => new CommandRegistry().register(counter);

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.close());

const newId = () => systemRuntime.newEventId();
const count = (aggregateId: string, by: unknown, more: object = {}) => ({
  ...jsonCommand('Count', aggregateId, more),
  data: { case: 'json' as const, value: Buffer.from(JSON.stringify({ by, branch: '7' })) },
});

describe('a command', () => {
  it('is decided by the domain of the service', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const id = newId();
    const answer = await unary(raw, execute, count(id, 3));
    expect(answer).toMatchObject({ version: 1n, aggregate: { aggregateType: 'Counter', aggregateId: id } });
    expect(answer.position).toBeGreaterThan(0n);
    expect(answer.epoch).toBeGreaterThan(0n);
    const { code, error } = await failureOf(unary(raw, execute, count(id, 8)));
    expect(code).toBe(9);
    expect(error).toMatchObject({ domainReason: 'TOO_MUCH', facts: { count: '3' }, outcome: 'NOT_APPLIED' });
  });

  it('sent again is answered as the first time, and with another body refused', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const id = newId();
    const first = await unary(raw, execute, count(id, 6, { commandId: `c-${id}` }));
    const { deduplicated, ...again } = await unary(raw, execute, count(id, 6, { commandId: `c-${id}` }));
    expect(deduplicated).toBe(true);
    expect({ ...again, deduplicated: false }).toEqual(first);
    const other = await failureOf(unary(raw, execute, count(id, 1, { commandId: `c-${id}` })));
    expect(other.code).toBe(6);
    expect(other.error).toMatchObject({ reason: 'COMMAND_ID_REUSED', commandId: `c-${id}` });
    // Refusals are not kept: the id may be used when the command can be carried out.
    const refused = count(id, 8, { commandId: `d-${id}` });
    expect((await failureOf(unary(raw, execute, refused))).error.reason).toBe('COMMAND_REJECTED');
    expect((await unary(raw, execute, count(id, 1, { commandId: `d-${id}` }))).version).toBe(2n);
  });

  it('without events is in the ledger all the same', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const id = newId();
    const reset = jsonCommand('Reset', id, { commandId: `r-${id}` });
    expect(await unary(raw, execute, reset)).toMatchObject({
      version: 0n,
      position: 0n,
      deduplicated: false,
    });
    expect(await unary(raw, execute, reset)).toMatchObject({ deduplicated: true });
    const found = await unary(raw, EventStoreService.method.findCommand, { commandId: `r-${id}` });
    expect(found.command).toMatchObject({ commandType: 'Reset', lastPosition: 0n });
    expect(
      (await unary(raw, EventStoreService.method.findCommand, { commandId: 'none' })).command,
    ).toBeUndefined();
  });

  it.each([
    ['no data', { data: { case: undefined } }, ['data']],
    ['an empty expectation', { expectedVersion: {} }, ['expected_version']],
    ['an id with a control character', { commandId: 'a\n' }, ['command_id']],
  ])('with %s is refused', async (_, wrong, fields) => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const { code, error } = await failureOf(unary(raw, execute, { ...count(newId(), 1), ...wrong } as never));
    expect(code).toBe(3);
    expect((error as InvalidRequestError).violations.map(({ field }) => field)).toEqual(fields);
  });

  it('whose payload breaks the rules of the domain is refused with its field', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const { code, error } = await failureOf(unary(raw, execute, count(newId(), 'three')));
    expect(code).toBe(3);
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect((error as InvalidRequestError).violations[0]?.field).toContain('by');
  });

  it('with an expected version that does not hold is the caller’s to mend', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const id = newId();
    await unary(raw, execute, count(id, 1));
    const expectedVersion = { expectation: { case: 'exact' as const, value: 7n } };
    const { error } = await failureOf(unary(raw, execute, count(id, 1, { expectedVersion })));
    expect(error).toMatchObject({
      reason: 'WRONG_EXPECTED_VERSION',
      conflicts: [{ expected: 7n, actual: 1n }],
    });
  });

  it('that nobody decides in time ends at the caller’s deadline, and is taken back from the worker', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [DEPOSIT] });
    const { code } = await failureOf(
      unary(raw, execute, jsonCommand('Deposit', newId()), { deadlineMs: 1000 }),
    );
    expect(code).toBe(4);
    await until(() => worker.messages.some(({ message }) => message.case === 'cancel'), 'the cancel');
  });

  it('is the domain’s before any worker’s', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const worker = openWorker(raw);
    const commands = [{ commandType: 'Count', aggregateType: 'Counter' }];
    worker.say({ message: { case: 'register', value: { commands } } });
    const { code, error } = await worker.ended;
    expect(code).toBe(3);
    expect((error as InvalidRequestError).violations[0]?.field).toBe('register.commands[0].command_type');
    await startWorker(raw, { commands: [DEPOSIT] }, always(accepted()));
    expect((await unary(raw, listCommands, {})).commands).toMatchObject([
      { command: { commandType: 'Count' }, inService: true, workers: 0 },
      { command: { commandType: 'Deposit' }, inService: false, workers: 1 },
      { command: { commandType: 'Reset' }, inService: true, workers: 0 },
    ]);
  });
});

describe('pipelined commands', () => {
  it('of one aggregate are decided in the order sent, and each is answered once', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const call = bidi(raw, executeStream);
    const results: PipelinedCommandResult[] = [];
    call.on('data', (answer: ExecuteStreamResponse) => results.push(...answer.results));
    const ids = [newId(), newId()];
    const commands = Array.from({ length: 20 }, (_, index) => ({
      correlation: BigInt(index + 1),
      command: count(ids[index % 2] ?? '', 1, { commandId: `p-${ids[0]}-${index}` }),
    }));
    call.write(create(ExecuteStreamRequestSchema, { commands }));
    call.write(
      create(ExecuteStreamRequestSchema, {
        commands: [{ correlation: 98n }, { correlation: 99n, command: jsonCommand('Unknown', 'x') }],
      }),
    );
    call.end();
    await new Promise((resolve) => call.on('end', resolve));
    expect(results).toHaveLength(22);
    const by = new Map(results.map(({ correlation, result }) => [correlation, result]));
    for (const { correlation } of commands)
      expect(by.get(correlation)).toMatchObject({
        case: 'executed',
        value: { version: (correlation + 1n) / 2n },
      });
    expect(by.get(98n)).toMatchObject({ case: 'failed', value: { code: 3 } });
    expect(by.get(99n)).toMatchObject({ case: 'failed', value: { code: 12 } });
  });
});

describe('pipelined commands that come many in one message', () => {
  const messageOf = (id: string, from: number, many: number) =>
    create(ExecuteStreamRequestSchema, {
      commands: Array.from({ length: many }, (_, index) => ({
        correlation: BigInt(from + index + 1),
        command: count(id, 0),
      })),
    });

  it('are decided in their order, more than are begun at a time and more than may be under way', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const call = bidi(raw, executeStream);
    const results: PipelinedCommandResult[] = [];
    const ended = new Promise((resolve, reject) => {
      call.on('end', resolve);
      call.on('error', reject);
    });
    call.on('data', (answer: ExecuteStreamResponse) => results.push(...answer.results));
    const ids = Array.from({ length: 6 }, newId);
    // Six messages of 200 with numbers of their own, half-closed at once: all of it waits in the service.
    ids.forEach((id, message) => call.write(messageOf(id, message * 200, 200)));
    call.end();
    await ended;
    expect(results.length).toBe(1200);
    for (const { correlation, result } of results)
      expect(result).toMatchObject({
        case: 'executed',
        value: { version: ((correlation - 1n) % 200n) + 1n },
      });
  });

  it('end with their call, those that were not begun without a trace', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const call = bidi(raw, executeStream);
    const id = newId();
    const gone = new Promise((resolve) => call.on('error', resolve));
    call.on('data', () => call.cancel());
    call.write(messageOf(id, 0, 900));
    await gone;
    // What is decided now comes behind whatever was begun.
    const { version } = await unary(raw, execute, count(id, 0));
    expect(version).toBeGreaterThan(1n);
    expect((await unary(raw, execute, count(id, 0))).version).toBe(version + 1n);
  });
});

describe('policies', () => {
  const teller = (resource?: string) =>
    JSON.stringify({
      id: 'ada',
      bindings: [{ role: 'teller', scope: 'branch', ...(resource === undefined ? {} : { resource }) }],
    });

  it('hold callers who say who they are', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const send = (header?: string) =>
      unary(raw, execute, count(newId(), 1), header === undefined ? {} : { metadata: principal(header) });
    expect(await send()).toMatchObject({ version: 1n });
    expect(await send(teller())).toMatchObject({ version: 1n });
    expect(await send(teller('7'))).toMatchObject({ version: 1n });
    for (const header of [teller('8'), '{"id":"eve"}']) {
      const { code, error } = await failureOf(send(header));
      expect(code).toBe(7);
      expect(error).toBeInstanceOf(PolicyDeniedError);
    }
    const { code, error } = await failureOf(send('{"id":7}'));
    expect(code).toBe(3);
    expect((error as InvalidRequestError).violations).toEqual([
      { field: 'headwater-principal.id', description: 'must be text' },
    ]);
    // Without policies it is everybody's.
    const reset = jsonCommand('Reset', newId());
    expect(await unary(raw, execute, reset, { metadata: principal('{"id":"eve"}') })).toMatchObject({
      version: 0n,
    });
  });

  it('hold everybody where they are enforced', async () => {
    const { raw } = await startService(opened.store, { domain: domain(), commandPolicies: 'enforce' });
    expect((await failureOf(unary(raw, execute, count(newId(), 1)))).code).toBe(7);
    const metadata = principal(teller());
    expect(await unary(raw, execute, count(newId(), 1), { metadata })).toMatchObject({ version: 1n });
    expect((await failureOf(unary(raw, execute, jsonCommand('Reset', newId()), { metadata }))).code).toBe(7);
  });

  it('name the principal in the events that come of a command', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const { position } = await unary(raw, execute, count(newId(), 1), { metadata: principal(teller()) });
    for await (const { events } of opened.store.load({
      filters: [{ positions: { first: position, last: position } }],
    }))
      expect(events[0]?.metadata).toMatchObject({ actor: 'ada', command_type: 'Count' });
  });

  it('are shown as a model', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    expect(await unary(raw, getPermissionModel, {})).toMatchObject({
      roles: ['teller'],
      scopes: ['branch'],
      permissions: [
        {
          commandType: 'Count',
          policies: [{ roles: ['teller'], scopes: ['branch'], resourceField: 'branch' }],
        },
        { commandType: 'Reset', policies: [] },
      ],
    });
  });

  it('are explained, as they would be applied', async () => {
    const { raw } = await startService(opened.store, { domain: domain() });
    const ask = (bindings: object[]) =>
      unary(raw, explain, {
        commandType: 'Count',
        json: Buffer.from('{"branch":"7"}'),
        principal: { id: 'ada', bindings } as never,
      });
    const allowed = await ask([
      { role: 'auditor', scope: 'branch' },
      { role: 'teller', scope: 'branch', resource: '7' },
    ]);
    expect(allowed.allowed).toBe(true);
    expect(allowed.summary).toBe(
      'ada may send Count: the policy "teller in branch on branch" allows the binding teller in branch for 7',
    );
    expect(allowed.verdicts.map(({ allows, because }) => [allows, because])).toEqual([
      [false, 'it is for other roles'],
      [true, ''],
    ]);
    const refused = await ask([{ role: 'teller', scope: 'branch', resource: '8' }]);
    expect(refused).toMatchObject({
      allowed: false,
      summary: 'ada may not send Count: its policy does not allow any of the bindings (1)',
      verdicts: [{ allows: false, because: 'the binding is for another resource' }],
    });
    expect(await ask([])).toMatchObject({
      allowed: false,
      verdicts: [{ because: 'the principal has no binding' }],
    });
    expect(await unary(raw, explain, { commandType: 'Count' })).toMatchObject({ allowed: true });
    const strict = await startService(opened.store, { domain: domain(), commandPolicies: 'enforce' });
    expect(await unary(strict.raw, explain, { commandType: 'Reset' })).toMatchObject({
      allowed: false,
      summary: 'Nobody in particular may not send Reset: it has no policies, so nobody may',
    });
    expect((await failureOf(unary(raw, explain, { commandType: 'Unknown' }))).code).toBe(12);
  });
});
