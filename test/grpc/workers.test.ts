import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CommandService, type CommandTypeSchema } from '../../gen/headwater/v1/command_service_pb.js';
import {
  CommandNotRegisteredError,
  CommandRejectedError,
  InvalidRequestError,
  OverloadedError,
  StoreUnavailableError,
} from '../../src/core/errors.js';
import { eventsOf } from '../../src/core/load.js';
import { systemRuntime } from '../../src/system.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';
import {
  accepted,
  always,
  DEPOSIT,
  jsonCommand,
  OPEN,
  openWorker,
  startWorker,
  type RawWorker,
} from './raw-worker.js';
import { failureOf, startService, unary, until } from './service.js';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened.close());

const { execute, listCommands } = CommandService.method;
const newId = () => systemRuntime.newEventId();
const send = (client: Client, commandType: string, aggregateId: string, more: object = {}) =>
  unary(client, execute, jsonCommand(commandType, aggregateId, more));

async function typesOf(aggregateId: string): Promise<string[]> {
  const stream = { aggregateType: 'Account', aggregateId };
  const types: string[] = [];
  for await (const { eventType } of eventsOf(opened.store.load({ scope: { kind: 'STREAM', stream } })))
    types.push(eventType);
  return types;
}

describe('a worker', () => {
  it('is sent a command with the aggregate, and what it decides is appended', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [OPEN] }, always(accepted('Opened')));
    expect(worker.messages[0]?.message).toMatchObject({
      case: 'registered',
      value: { decideTimeoutMs: 5000 },
    });
    const id = newId();
    const answer = await send(raw, 'Open', id, { commandId: `open-${id}` });
    expect(answer).toMatchObject({
      aggregate: { aggregateType: 'Account', aggregateId: id },
      version: 1n,
      commandId: `open-${id}`,
      deduplicated: false,
    });
    expect(answer.eventIds).toHaveLength(1);
    expect(worker.asked[0]).toMatchObject({ version: 0n, afterVersion: 0n, events: [], more: false });
    expect(await typesOf(id)).toEqual(['Opened']);
  });

  it('makes an aggregate of a command that names none, with an id of the service', async () => {
    const { raw } = await startService(opened.store);
    await startWorker(raw, { commands: [OPEN] }, always(accepted('Opened')));
    const { aggregate } = await send(raw, 'Open', '');
    expect(await typesOf(aggregate?.aggregateId ?? '')).toEqual(['Opened']);
  });

  it('without state is shown snapshot and events each time, with it only what it has not seen', async () => {
    const { raw } = await startService(opened.store);
    const snapshot = { data: Buffer.from('{"n":1}'), contentType: 'application/json' };
    const plain = await startWorker(
      raw,
      { commands: [DEPOSIT] },
      always(accepted('Deposited', { snapshot })),
    );
    const id = newId();
    await send(raw, 'Deposit', id);
    const stream = { aggregateType: 'Account', aggregateId: id };
    await expect.poll(async () => (await opened.store.getSnapshot(stream))?.version).toBe(1n);
    await send(raw, 'Deposit', id);
    expect(plain.asked[1]).toMatchObject({
      version: 1n,
      afterVersion: 0n,
      events: [],
      snapshot: { version: 1n },
    });

    const keeps = await startWorker(
      raw,
      { commands: [{ ...DEPOSIT, commandType: 'Keep' }], keepsState: true },
      always(accepted('Kept')),
    );
    const other = newId();
    for (let index = 0; index < 3; index++) await send(raw, 'Keep', other);
    expect(
      keeps.asked.map(({ afterVersion, events, version }) => [afterVersion, version, events.length]),
    ).toEqual([
      [0n, 0n, 0],
      [0n, 1n, 1],
      [1n, 2n, 1],
    ]);
    const [event] = keeps.asked[2]?.events ?? [];
    expect(event).toMatchObject({ eventType: 'Kept', version: 2n, metadata: { command_type: 'Keep' } });
  });

  it('that has forgotten an aggregate is sent everything', async () => {
    const { raw } = await startService(opened.store);
    let forgets = false;
    const worker = await startWorker(raw, { commands: [DEPOSIT], keepsState: true }, (decide, self) => {
      if (forgets && decide.afterVersion > 0n)
        self.decide(decide.correlation, { case: 'needsEvents', value: {} });
      else self.decide(decide.correlation, accepted());
    });
    const id = newId();
    for (let index = 0; index < 3; index++) await send(raw, 'Deposit', id);
    forgets = true;
    expect(await send(raw, 'Deposit', id)).toMatchObject({ version: 4n });
    const [before, after] = worker.asked.slice(-2);
    expect(before).toMatchObject({ afterVersion: 2n });
    expect(after).toMatchObject({ afterVersion: 0n, version: 3n, correlation: before?.correlation });
    expect(after?.events).toHaveLength(3);
  });

  it('with state is shown what others have appended, before its refusal counts', async () => {
    const { raw } = await startService(opened.store);
    const rejected = { case: 'rejected', value: { reason: 'CLOSED' } } as const;
    let refuses = false;
    const worker = await startWorker(raw, { commands: [DEPOSIT], keepsState: true }, (decide, self) => {
      const knows = decide.events.some(({ eventType }) => eventType === 'Reopened');
      self.decide(decide.correlation, refuses && !knows ? rejected : accepted());
    });
    const id = newId();
    await send(raw, 'Deposit', id);
    refuses = true;
    const stream = { aggregateType: 'Account', aggregateId: id };
    const events = [{ eventType: 'Reopened', data: new Uint8Array() }];
    await opened.store.append({ streams: [{ stream, expectedVersion: 1n, events }] });
    expect(await send(raw, 'Deposit', id)).toMatchObject({ version: 3n });
    expect(worker.asked).toHaveLength(3);
    expect((await failureOf(send(raw, 'Deposit', id))).error).toBeInstanceOf(CommandRejectedError);
  });

  it('with state is sent everything of an aggregate that was deleted and created anew', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [DEPOSIT], keepsState: true }, always(accepted()));
    const stream = { aggregateType: 'Account', aggregateId: newId() };
    await send(raw, 'Deposit', stream.aggregateId);
    await send(raw, 'Deposit', stream.aggregateId);
    await opened.store.deleteStream({ stream, expectedVersion: 2n });
    const events = [{ eventType: 'Anew', data: new Uint8Array() }];
    await opened.store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
    expect(await send(raw, 'Deposit', stream.aggregateId)).toMatchObject({ version: 5n });
    const last = worker.asked.at(-1);
    expect(last).toMatchObject({ afterVersion: 0n, version: 4n });
    expect(last?.events.map(({ eventType }) => eventType)).toEqual(['Anew']);
  });

  it('gets a long aggregate in several messages', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [DEPOSIT] }, always(accepted()));
    const id = newId();
    const stream = { aggregateType: 'Account', aggregateId: id };
    for (let batch = 0; batch < 3; batch++)
      await opened.store.append({
        streams: [
          {
            stream,
            expectedVersion: 'ANY',
            events: Array.from({ length: 3 }, () => ({ eventType: 'Big', data: Buffer.alloc(1_000_000) })),
          },
        ],
      });
    expect(await send(raw, 'Deposit', id)).toMatchObject({ version: 10n });
    expect(worker.asked.length).toBeGreaterThan(3);
    expect(worker.asked.map(({ more }) => more)).toEqual([...worker.asked.slice(1).map(() => true), false]);
    expect(worker.asked.flatMap(({ events }) => events.map(({ version }) => version))).toEqual(
      Array.from({ length: 9 }, (_, index) => BigInt(index + 1)),
    );
    expect(worker.asked.filter(({ command }) => command !== undefined)).toHaveLength(1);
  });

  it('refuses with the reason, code and facts of the domain', async () => {
    const { raw } = await startService(opened.store);
    const value = { reason: 'INSUFFICIENT_FUNDS', message: 'There are 3', code: 8, metadata: { there: '3' } };
    await startWorker(raw, { commands: [DEPOSIT] }, always({ case: 'rejected', value }));
    const { code, error } = await failureOf(send(raw, 'Deposit', newId()));
    expect(code).toBe(8);
    expect(error).toBeInstanceOf(CommandRejectedError);
    expect(error).toMatchObject({
      domainReason: 'INSUFFICIENT_FUNDS',
      message: 'There are 3',
      facts: { there: '3' },
    });
  });

  it('takes no more commands at a time than it says; the others wait', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [DEPOSIT], maxInFlight: 2 });
    const answers = Array.from({ length: 5 }, () => send(raw, 'Deposit', newId()));
    await until(() => worker.asked.length === 2, 'two commands');
    await systemRuntime.sleep(50);
    expect(worker.asked).toHaveLength(2);
    for (let done = 0; done < 5; done++) {
      await until(() => worker.asked.length > done, 'the next command');
      worker.decide(worker.asked[done]?.correlation ?? 0n, accepted());
    }
    expect(await Promise.all(answers)).toHaveLength(5);
  });

  it('that has more to do than can wait is not given more', async () => {
    const { raw } = await startService(opened.store, { maxConcurrentStreams: 2000 });
    await startWorker(raw, { commands: [DEPOSIT], maxInFlight: 1 });
    const answers = Array.from({ length: 1010 }, () => send(raw, 'Deposit', newId()));
    const first = await failureOf(Promise.race(answers));
    expect(first.code).toBe(8);
    expect(first.error).toBeInstanceOf(OverloadedError);
    expect(first.error).toMatchObject({ limit: 'commands of one worker', outcome: 'NOT_APPLIED' });
    for (const answer of answers) answer.catch(() => undefined);
  });

  it('decides again when the aggregate has moved meanwhile', async () => {
    const { raw } = await startService(opened.store);
    const id = newId();
    const stream = { aggregateType: 'Account', aggregateId: id };
    const events = [{ eventType: 'Moved', data: new Uint8Array() }];
    const worker = await startWorker(raw, { commands: [DEPOSIT], keepsState: true }, (decide, self) => {
      const answer = () => self.decide(decide.correlation, accepted());
      if (self.asked.length > 1) return answer();
      void opened.store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] }).then(answer);
    });
    expect(await send(raw, 'Deposit', id)).toMatchObject({ version: 2n });
    expect(worker.asked.map(({ version }) => version)).toEqual([0n, 1n]);
    expect(await typesOf(id)).toEqual(['Moved', 'Deposited']);
  });
});

describe('commands whose aggregate must, or must not, be there', () => {
  it('are refused before a worker sees them', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(
      raw,
      {
        commands: [
          { ...OPEN, existence: 2 },
          { ...DEPOSIT, existence: 1 },
        ],
      },
      always(accepted()),
    );
    const id = newId();
    expect((await failureOf(send(raw, 'Deposit', id))).error.reason).toBe('STREAM_NOT_FOUND');
    expect(worker.asked).toHaveLength(0);
    await send(raw, 'Open', id);
    expect((await failureOf(send(raw, 'Open', id))).error.reason).toBe('WRONG_EXPECTED_VERSION');
    await send(raw, 'Deposit', id);
    await opened.store.deleteStream({
      stream: { aggregateType: 'Account', aggregateId: id },
      expectedVersion: 'ANY',
    });
    expect((await failureOf(send(raw, 'Deposit', id))).error.reason).toBe('STREAM_DELETED');
    // Created anew: its versions go on.
    expect(await send(raw, 'Open', id)).toMatchObject({ version: 4n });
    expect(worker.asked.at(-1)).toMatchObject({ version: 0n, events: [] });
    expect(await send(raw, 'Deposit', id)).toMatchObject({ version: 5n });
  });
});

describe('a registration', () => {
  const refused = async (worker: RawWorker) => {
    const { code, error } = await worker.ended;
    expect(code).toBe(3);
    return (error as InvalidRequestError).violations.map(({ field }) => field);
  };

  it('that names nothing, or the same twice, is refused', async () => {
    const { raw } = await startService(opened.store);
    const empty = openWorker(raw);
    empty.say({ message: { case: 'register', value: {} } });
    expect(await refused(empty)).toEqual(['register.commands']);
    const twice = openWorker(raw);
    twice.say({ message: { case: 'register', value: { commands: [OPEN, OPEN] } } });
    expect(await refused(twice)).toEqual(['register.commands[1].command_type']);
  });

  it('that describes a command otherwise than another worker is refused', async () => {
    const { raw } = await startService(opened.store);
    await startWorker(raw, { commands: [{ ...OPEN, policies: [{ roles: ['a'] }] }] });
    for (const [other, field] of [
      [{ ...OPEN, aggregateType: 'Other' }, 'aggregate_type'],
      [{ ...OPEN, existence: 1, policies: [{ roles: ['a'] }] }, 'existence'],
      [{ ...OPEN }, 'policies'],
    ] as [MessageInitShape<typeof CommandTypeSchema>, string][]) {
      const worker = openWorker(raw);
      worker.say({ message: { case: 'register', value: { commands: [DEPOSIT, other] } } });
      expect(await refused(worker)).toEqual([`register.commands[1].${field}`]);
    }
    expect((await unary(raw, listCommands, {})).commands).toMatchObject([
      { command: { commandType: 'Open' }, inService: false, workers: 1 },
    ]);
  });

  it('must come first, and once', async () => {
    const { raw } = await startService(opened.store);
    const early = openWorker(raw);
    early.decide(1n, accepted());
    expect(await refused(early)).toEqual(['message']);
    const again = await startWorker(raw, { commands: [OPEN] });
    again.say({ message: { case: 'register', value: { commands: [OPEN] } } });
    expect(await refused(again)).toEqual(['register']);
    const silent = openWorker(raw);
    silent.say({});
    expect(await refused(silent)).toEqual(['message']);
  });
});

describe('a worker that fails', () => {
  it('by dying is replaced at once, without the caller knowing', async () => {
    const { raw } = await startService(opened.store);
    const dying = await startWorker(raw, { commands: [DEPOSIT] }, (_, worker) => worker.call.cancel());
    const other = await startWorker(raw, { commands: [DEPOSIT] }, always(accepted()));
    const ids = Array.from({ length: 20 }, newId);
    const begun = Date.now();
    const answers = await Promise.all(ids.map((id) => send(raw, 'Deposit', id)));
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(answers.every(({ version }) => version === 1n)).toBe(true);
    expect(dying.asked.length).toBeGreaterThan(0);
    expect(new Set(other.asked.map(({ aggregate }) => aggregate?.aggregateId)).size).toBe(20);
  });

  it('by standing still is replaced when its time is over, and asked again when it has answered', async () => {
    const { raw } = await startService(opened.store, { decideTimeoutMs: 500 });
    const still = await startWorker(raw, { commands: [DEPOSIT] });
    const other = await startWorker(raw, { commands: [DEPOSIT] }, always(accepted()));
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(raw, 'Deposit', newId())));
    expect(answers).toHaveLength(10);
    const had = still.asked.length;
    expect(had).toBeGreaterThan(0);
    expect(still.messages.filter(({ message }) => message.case === 'cancel')).toHaveLength(had);
    // Its late decisions are not used, and nothing is sent to it until it speaks.
    await Promise.all(Array.from({ length: 10 }, () => send(raw, 'Deposit', newId())));
    expect(still.asked).toHaveLength(had);
    for (const { correlation } of still.asked) still.decide(correlation, accepted('Late'));
    // When the service has heard that.
    await until(async () => {
      await Promise.all(Array.from({ length: 10 }, () => send(raw, 'Deposit', newId())));
      return still.asked.length > had;
    }, 'more commands');
    expect(other.asked.map(({ aggregate }) => aggregate?.aggregateId)).toContain(
      still.asked[0]?.aggregate?.aggregateId,
    );
    expect(await typesOf(still.asked[0]?.aggregate?.aggregateId ?? '')).toEqual(['Deposited']);
  });

  it.each([
    ['a decision that nobody asked for', (worker: RawWorker) => worker.decide(99n, accepted())],
    [
      'a refusal without a reason',
      (worker: RawWorker) =>
        worker.decide(worker.asked[0]?.correlation ?? 0n, { case: 'rejected', value: {} }),
    ],
  ])('by sending %s is ended, and its commands go elsewhere', async (_, sendIt) => {
    const { raw } = await startService(opened.store);
    const bad = await startWorker(raw, { commands: [DEPOSIT] }, (_decide, worker) => sendIt(worker));
    const failure = failureOf(send(raw, 'Deposit', newId()));
    expect(await bad.ended).toMatchObject({ code: 3 });
    const { error } = await failure;
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.outcome).toBe('NOT_APPLIED');
    await startWorker(raw, { commands: [DEPOSIT] }, always(accepted()));
    await startWorker(raw, { commands: [DEPOSIT] }, (_decide, worker) => sendIt(worker));
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(raw, 'Deposit', newId())));
    expect(answers).toHaveLength(10);
  });

  it('is awaited for a moment after the service has begun: commands are to be tried again, then refused', async () => {
    const { raw } = await startService(opened.store, { workerGraceMs: 1500 });
    const early = await failureOf(send(raw, 'Deposit', newId()));
    expect(early.code).toBe(14);
    expect(early.error).toMatchObject({ retryAfterMilliseconds: 1000, outcome: 'NOT_APPLIED' });
    await expect
      .poll(async () => (await failureOf(send(raw, 'Deposit', newId()))).error, { timeout: 10_000 })
      .toBeInstanceOf(CommandNotRegisteredError);
    await startWorker(raw, { commands: [DEPOSIT] }, always(accepted()));
    await send(raw, 'Deposit', newId());
  });

  it('as the last of its kind leaves commands that are to be tried again', async () => {
    const { raw } = await startService(opened.store);
    const never = await failureOf(send(raw, 'Deposit', newId()));
    expect(never.code).toBe(12);
    expect(never.error).toBeInstanceOf(CommandNotRegisteredError);
    const worker = await startWorker(raw, { commands: [DEPOSIT] });
    worker.call.cancel();
    await expect.poll(async () => (await unary(raw, listCommands, {})).commands[0]?.workers).toBe(0);
    const now = await failureOf(send(raw, 'Deposit', newId()));
    expect(now.code).toBe(14);
    expect(now.error).toMatchObject({ retryAfterMilliseconds: 1000, outcome: 'NOT_APPLIED' });
  });

  it('is not asked for others, so that one command does not kill them all', async () => {
    const { raw } = await startService(opened.store);
    let deaths = 0;
    for (let index = 0; index < 5; index++)
      await startWorker(raw, { commands: [DEPOSIT] }, (_, worker) => {
        deaths += 1;
        worker.call.cancel();
      });
    const { error } = await failureOf(send(raw, 'Deposit', newId()));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(deaths).toBe(3);
  });
});

describe('several workers', () => {
  it('each have their aggregates, and few move when one comes or goes', async () => {
    const { raw } = await startService(opened.store);
    const commands = [DEPOSIT];
    const workers = [
      await startWorker(raw, { commands }, always(accepted())),
      await startWorker(raw, { commands }, always(accepted())),
    ];
    const ids = Array.from({ length: 60 }, newId);
    const owners = async () => {
      for (const { asked } of workers) asked.length = 0;
      await Promise.all(ids.map((id) => send(raw, 'Deposit', id)));
      return new Map(
        workers.flatMap(({ asked }, index) => asked.map(({ aggregate }) => [aggregate?.aggregateId, index])),
      );
    };
    const first = await owners();
    expect(await owners()).toEqual(first);
    expect(new Set(first.values()).size).toBe(2);
    workers.push(await startWorker(raw, { commands }, always(accepted())));
    const second = await owners();
    const moved = ids.filter((id) => second.get(id) !== first.get(id));
    expect(moved.length).toBeGreaterThan(5);
    expect(moved.length).toBeLessThan(35);
    expect(moved.every((id) => second.get(id) === 2)).toBe(true);
    workers[2]?.say({ message: { case: 'draining', value: {} } });
    expect((await workers[2]?.ended)?.code).toBe(0);
    expect(await owners()).toEqual(first);
  });

  it('on two instances of the service come to one history', async () => {
    const second = storeOn(opened);
    await second.start();
    onTestFinished(() => second.stop());
    const services = [await startService(opened.store), await startService(second)];
    const counted: string[] = [];
    for (const { raw } of services)
      await startWorker(raw, { commands: [DEPOSIT], keepsState: true }, (decide, worker) => {
        counted.push(worker.asked.length.toString());
        worker.decide(decide.correlation, accepted());
      });
    const ids = Array.from({ length: 4 }, newId);
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, index) =>
        send(services[index % 2]?.raw as Client, 'Deposit', ids[index % 4] ?? '', {
          commandId: `two-${ids[0]}-${index}`,
        }),
      ),
    );
    expect(answers.every(({ deduplicated }) => !deduplicated)).toBe(true);
    for (const id of ids) expect(await typesOf(id)).toHaveLength(20);
    // Each version was given once.
    expect(
      new Set(answers.map(({ aggregate, version }) => `${aggregate?.aggregateId} ${version}`)).size,
    ).toBe(80);
  });
});

describe('leaving', () => {
  it('a worker that drains answers what it has, and then its call ends', async () => {
    const { raw } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [DEPOSIT] });
    const answer = send(raw, 'Deposit', newId());
    await until(() => worker.asked.length === 1, 'the command');
    worker.say({ message: { case: 'draining', value: {} } });
    await systemRuntime.sleep(300);
    expect((await failureOf(send(raw, 'Deposit', newId()))).error).toBeInstanceOf(StoreUnavailableError);
    worker.decide(worker.asked[0]?.correlation ?? 0n, accepted());
    expect(await answer).toMatchObject({ version: 1n });
    expect((await worker.ended).code).toBe(0);
  });

  it('a service that drains lets workers decide what is under way, and ends them last', async () => {
    const { raw, server } = await startService(opened.store);
    const worker = await startWorker(raw, { commands: [DEPOSIT] });
    const id = newId();
    const answer = send(raw, 'Deposit', id);
    await until(() => worker.asked.length === 1, 'the command');
    const drained = server.drain(20_000);
    await until(() => worker.messages.some(({ message }) => message.case === 'draining'), 'the word');
    expect((await failureOf(send(raw, 'Deposit', newId()))).error).toBeInstanceOf(StoreUnavailableError);
    const begun = Date.now();
    worker.decide(worker.asked[0]?.correlation ?? 0n, accepted());
    expect(await answer).toMatchObject({ version: 1n });
    expect((await worker.ended).code).toBe(0);
    await drained;
    expect(Date.now() - begun).toBeLessThan(15_000);
    expect(await typesOf(id)).toEqual(['Deposited']);
  });

  it('a namespace is part of what a worker is for', async () => {
    const { raw } = await startService(opened.store);
    const metadata = new Metadata();
    metadata.set('headwater-namespace', 'elsewhere');
    const worker = openWorker(raw, undefined, metadata);
    worker.say({ message: { case: 'register', value: { commands: [OPEN] } } });
    expect((await worker.ended).code).toBe(5);
  });
});
