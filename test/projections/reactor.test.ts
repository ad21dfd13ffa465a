import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { ProjectionSave } from '../../src/core/projections.js';
import { PENDING_DEADLINES } from '../../src/projections/deadlines.js';
import { defineReactor, type Reactor } from '../../src/projections/reactor.js';
import type { ReactorParts } from '../../src/projections/reactor-generation.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, jsonOf, loaded, newEvent, thing } from '../../src/testing/builders.js';
import { account, managerOn } from '../commands/account.js';
import { accountEvents, type FollowedLog, followedLog, until } from './followed-log.js';

let log: FollowedLog;
beforeEach(() => {
  log = followedLog();
});
afterEach(() => log.stop());

const parts = (more: Partial<ReactorParts> = {}): ReactorParts => ({
  eventStore: log.store,
  projections: log.projections,
  runtime: systemRuntime,
  ...more,
});
const start = (reactor: Reactor, more?: Partial<ReactorParts>) => log.run(reactor.work(parts(more)));

const ofType = async (eventType: string): Promise<readonly Event[]> =>
  loaded(log.store, { filters: [{ eventTypes: [eventType] }] });
const mail = (id: string) => thing(id, 'Mail');

const thanks = defineReactor({
  name: 'thanks',
  events: accountEvents,
  emits: ['Mail'],
  on: {
    Deposited: (event, { append }) =>
      append(
        mail(event.stream.aggregateId),
        newEvent({ eventType: 'Sent', json: `thanks for ${event.payload.amount}` }),
      ),
  },
});

describe('a reactor', () => {
  it('answers events with events that name their cause', async () => {
    await log.store.append(
      appendTo(thing('a', 'Account'), {
        ...accountEvents.encode('Deposited', { amount: 5 }),
        metadata: { correlation_id: 'order-7', traceparent: '00-1-2-01' },
      }),
    );
    const last = await log.deposit('b', 6);
    await start(thanks).waitFor(last);
    const sent = await ofType('Sent');
    expect(sent.map(jsonOf)).toEqual(['thanks for 5', 'thanks for 6']);
    const [first, second] = await ofType('Deposited');
    expect(sent.map(({ metadata }) => metadata)).toEqual([
      { correlation_id: 'order-7', traceparent: '00-1-2-01', causation_id: first?.eventId },
      { correlation_id: second?.eventId, causation_id: second?.eventId },
    ]);
  });

  it('whose checkpoint is lost answers again, and it is there once', async () => {
    let failures = 1;
    const projections = {
      load: log.projections.load.bind(log.projections),
      save: async (...[lease, save, options]: Parameters<typeof log.projections.save>) => {
        if (failures-- > 0) throw new StoreUnavailableError('Lost');
        await log.projections.save(lease, save, options);
      },
    };
    const last = await log.deposit('a', 1, 2, 3);
    await start(thanks, { projections }).waitFor(last);
    expect(failures).toBeLessThan(0);
    expect((await ofType('Sent')).map(jsonOf)).toEqual(['thanks for 1', 'thanks for 2', 'thanks for 3']);
  });

  it('that cannot know whether it was kept looks, and goes on', async () => {
    const lost: ProjectionSave[] = [];
    const projections = {
      load: log.projections.load.bind(log.projections),
      save: async (...[lease, save, options]: Parameters<typeof log.projections.save>) => {
        await log.projections.save(lease, save, options);
        if (lost.length < 2) {
          lost.push(save);
          throw new StoreUnavailableError('The answer is lost', { outcome: 'UNKNOWN' });
        }
      },
    };
    const first = await log.deposit('a', 1, 2);
    const running = start(thanks, { projections });
    await running.waitFor(first);
    const last = await log.deposit('a', 3);
    await running.waitFor(last);
    expect(lost.length).toBe(2);
    expect((await ofType('Sent')).map(jsonOf)).toEqual(['thanks for 1', 'thanks for 2', 'thanks for 3']);
  });

  it('with a window answers in order all the same, and fails at the first event that it cannot answer', async () => {
    const some = (eventType: (amount: number) => string) =>
      defineReactor({
        name: 'wide',
        window: 16,
        events: accountEvents,
        on: {
          Deposited: ({ payload }, { append }) =>
            append(mail('x'), newEvent({ eventType: eventType(payload.amount), json: payload.amount })),
        },
      });
    const amounts = Array.from({ length: 100 }, (_, index) => index + 1);
    await log.deposit('a', ...amounts);
    const broken = start(some((amount) => (amount >= 50 ? '' : 'Sent')));
    await until(async () => (await log.projections.get('wide')).status === 'FAILED');
    expect((await log.projections.get('wide')).live).toMatchObject({
      position: { position: 49n },
      failure: { position: 50n, error: expect.stringContaining('event_type') as string },
    });
    await broken.stop();
    start(some(() => 'Sent'));
    await log.projections.resume('wide');
    await log.projections.waitFor('wide', { position: 100n });
    expect((await ofType('Sent')).map(jsonOf)).toEqual(amounts);
    expect(() => defineReactor({ name: 'wide', window: 0, on: {} })).toThrow(RangeError);
  });

  it('lets what was answered first stand when its rule changes', async () => {
    const last = await log.deposit('a', 1);
    const before = start(thanks);
    await before.waitFor(last);
    await before.stop();
    const ruder = defineReactor({
      name: 'thanks',
      version: 2,
      events: accountEvents,
      emits: ['Mail'],
      on: {
        Deposited: (event, { append }) => {
          append(mail(event.stream.aggregateId), newEvent({ eventType: 'Sent', json: 'ok' }));
          append(mail(event.stream.aggregateId), newEvent({ eventType: 'Sent', json: 'ok again' }));
        },
      },
    });
    start(ruder);
    await until(async () => (await log.projections.get('thanks')).live.generation === 2n);
    const next = await log.deposit('a', 2);
    await log.projections.waitFor('thanks', { position: next });
    expect((await ofType('Sent')).map(jsonOf)).toEqual(['thanks for 1', 'ok', 'ok again']);
  });

  it('that is reset with what it emitted answers anew', async () => {
    const last = await log.deposit('a', 1, 2);
    const running = start(thanks);
    await running.waitFor(last);
    const [former] = await ofType('Sent');
    await log.projections.reset({ name: 'thanks', deleteEmitted: true });
    await until(async () => (await ofType('Sent')).length === 4);
    const shown = await loaded(log.store, { scope: { kind: 'STREAM', stream: mail('a') } });
    expect(shown.map(jsonOf)).toEqual(['thanks for 1', 'thanks for 2']);
    expect(shown[0]?.eventId).not.toBe(former?.eventId);
  });

  it('that is reset alone answers nothing twice', async () => {
    const last = await log.deposit('a', 1);
    await start(thanks).waitFor(last);
    await log.projections.reset({ name: 'thanks' });
    const next = await log.deposit('a', 2);
    await until(async () => (await ofType('Sent')).length === 2);
    await log.projections.waitFor('thanks', { position: next });
    expect((await ofType('Sent')).map(jsonOf)).toEqual(['thanks for 1', 'thanks for 2']);
  });

  it('stands still in front of an event that it cannot answer, without an effect', async () => {
    const broken = defineReactor({
      name: 'broken',
      events: accountEvents,
      on: {
        Deposited: (event, { append }) => {
          append(mail('x'), newEvent({ eventType: 'Sent' }));
          if (event.payload.amount > 1) throw new Error('too much');
        },
      },
    });
    await log.deposit('a', 1, 2, 3);
    start(broken);
    await until(async () => (await log.projections.get('broken')).status === 'FAILED');
    expect((await log.projections.get('broken')).live).toMatchObject({
      position: { position: 1n },
      failure: { position: 2n, error: expect.stringContaining('too much') as string },
    });
    expect((await ofType('Sent')).length).toBe(1);
  });

  it('may point at events, and to whatever streams it likes', async () => {
    const index = defineReactor({
      name: 'index',
      from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } },
      on: { '*': (event, { linkTo }) => linkTo(thing('all', 'Elsewhere'), event) },
    });
    const last = await log.deposit('a', 1, 2);
    await start(index).waitFor(last);
    expect((await ofType('Link')).length).toBe(2);
  });
});

describe('a reactor that sends commands', () => {
  const matching = defineReactor({
    name: 'matching',
    events: accountEvents,
    from: { scope: { kind: 'STREAM', stream: thing('source', 'Account') } },
    on: {
      Deposited: async ({ payload }, { execute }) => {
        const data = { kind: 'JSON', bytes: new TextEncoder().encode(JSON.stringify(payload)) } as const;
        await execute({ commandType: 'Deposit', aggregateId: 'target', data });
      },
    },
  });

  it('has each carried out once, with the event as its cause', async () => {
    const commands = managerOn(log.store);
    await commands.update(account, 'target', () => [accountEvents.encode('Opened', { owner: 'ada' })]);
    let failures = 2;
    const projections = {
      load: log.projections.load.bind(log.projections),
      save: async (...[lease, save, options]: Parameters<typeof log.projections.save>) => {
        if (failures-- > 0) throw new StoreUnavailableError('Lost');
        await log.projections.save(lease, save, options);
      },
    };
    const last = await log.deposit('source', 5, 7);
    await start(matching, { commands, projections }).waitFor(last);
    const { state, version } = await commands.get(account, 'target');
    expect([state.balance, version]).toEqual([12, 3n]);
    const [cause] = await ofType('Deposited');
    const made = (await loaded(log.store)).find(
      ({ stream, version: at }) => stream.aggregateId === 'target' && at === 2n,
    );
    expect(made?.metadata).toMatchObject({ correlation_id: cause?.eventId, command_type: 'Deposit' });
  });

  it('fails at an event if there is nobody to send them to', async () => {
    await log.deposit('source', 5);
    start(matching);
    await until(async () => (await log.projections.get('matching')).status === 'FAILED');
    expect((await log.projections.get('matching')).live.failure?.error).toMatch(/without a command bus/);
  });
});

describe('a deadline', () => {
  const overdue = (id: string) => ({
    stream: mail(id),
    event: newEvent({ eventType: 'Reminded', json: id }),
    key: id,
  });
  const reminder = (afterMs: number) =>
    defineReactor({
      name: 'reminder',
      events: accountEvents,
      emits: ['Mail'],
      on: {
        Opened: ({ stream }, { schedule }) => schedule({ ...overdue(stream.aggregateId), afterMs }),
        Deposited: ({ stream }, { cancel }) => cancel(stream.aggregateId),
      },
    });
  const opened = (id: string) =>
    log.store.append(appendTo(thing(id, 'Account'), accountEvents.encode('Opened', { owner: 'ada' })));

  it('comes true when its time has come, though no event comes', async () => {
    start(reminder(100));
    await opened('a');
    await until(async () => (await ofType('Reminded')).length === 1);
    const [event] = await ofType('Reminded');
    const [cause] = await ofType('Opened');
    expect(event?.metadata['causation_id']).toBe(cause?.eventId);
    expect((event?.recordedAt ?? 0n) - (cause?.recordedAt ?? 0n)).toBeGreaterThanOrEqual(99_000n);
    await until(async () => {
      const { state } = await log.projections.load({ name: 'reminder' });
      return new TextDecoder().decode(state) === '{"deadlines":[]}';
    });
  });

  it('does not come true if it was cancelled in time, even when the reactor comes late', async () => {
    for (const id of ['a', 'b', 'c']) await opened(id);
    await log.deposit('b', 1);
    // All of it is past when the reactor begins; only what was cancelled before its time is.
    await systemRuntime.sleep(300);
    await log.deposit('c', 1);
    const last = await log.deposit('d', 1);
    await start(reminder(250)).waitFor(last);
    expect((await ofType('Reminded')).map(jsonOf)).toEqual(['a', 'c']);
  });

  it('takes the place of the one under its key, and comes true at once if its time is past', async () => {
    const twice = defineReactor({
      name: 'twice',
      events: accountEvents,
      on: {
        Opened: ({ stream, recordedAt }, { schedule }) => {
          schedule({ ...overdue(stream.aggregateId), at: recordedAt + 3_600_000_000n });
          schedule({ ...overdue(stream.aggregateId), at: recordedAt - 1n });
        },
        '*': () => undefined,
      },
    });
    await opened('a');
    const last = await log.deposit('a', 1);
    // An event of a later time is as good as a clock.
    await start(twice).waitFor(last);
    expect((await ofType('Reminded')).length).toBe(1);
  });

  it('survives a restart, and comes true once', async () => {
    const last = (await opened('a')).lastPosition;
    const before = start(reminder(400));
    await before.waitFor(last);
    await before.stop();
    expect((await ofType('Reminded')).length).toBe(0);
    let failures = 1;
    const projections = {
      load: log.projections.load.bind(log.projections),
      save: async (...[lease, save, options]: Parameters<typeof log.projections.save>) => {
        if ((await ofType('Reminded')).length > 0 && failures-- > 0) throw new StoreUnavailableError('Lost');
        await log.projections.save(lease, save, options);
      },
    };
    start(reminder(400), { projections });
    await until(async () => failures < 0);
    await until(async () => (await log.projections.get('reminder')).live.lag === 0n);
    expect((await ofType('Reminded')).map(jsonOf)).toEqual(['a']);
  });

  it('is refused at once where its event could never be appended, and beyond what may be pending', async () => {
    const wrong = defineReactor({
      name: 'wrong',
      on: {
        Opened: (_, { schedule }) => schedule({ stream: mail('x'), event: newEvent({ eventType: '' }) }),
      },
    });
    const many = defineReactor({
      name: 'many',
      on: {
        '*': (event, { schedule }) => {
          for (let index = 0; index < PENDING_DEADLINES / 4; index++)
            schedule({ ...overdue(`${event.position}-${index}`), afterMs: 3_600_000 });
        },
      },
    });
    for (const id of ['a', 'b', 'c', 'd', 'e']) await opened(id);
    start(wrong);
    start(many);
    await until(async () => (await log.projections.get('wrong')).status === 'FAILED');
    expect((await log.projections.get('wrong')).live.failure?.error).toMatch(/event_type/);
    await until(async () => (await log.projections.get('many')).status === 'FAILED');
    expect((await log.projections.get('many')).live.failure).toMatchObject({ position: 5n });
    expect((await log.projections.get('many')).live.failure?.error).toMatch(/10000 deadlines are pending/);
  });
});
