import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidRequestError, StoreUnavailableError } from '../../src/core/errors.js';
import { aggregateType, eventType, matcher } from '../../src/core/event-matcher.js';
import { GroupExistsError } from '../../src/core/follower-errors.js';
import { EventBus } from '../../src/subscriptions/event-bus.js';
import { systemRuntime } from '../../src/system.js';
import { gate, type LogWithGroups, logWithGroups, until } from './bus-in-memory.js';

let log: LogWithGroups;
const buses: EventBus[] = [];
beforeEach(() => {
  log = logWithGroups();
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
  await log.close();
});

/** As another process has it: a bus at an instance of its own. */
function newBus(): EventBus {
  const bus = new EventBus({
    eventStore: log.store,
    consumerGroups: log.anotherInstance(),
    runtime: systemRuntime,
    stopTimeoutMs: 5000,
  });
  buses.push(bus);
  return bus;
}

describe('handlers', () => {
  it('of every process get every event that matches, from now on', async () => {
    await log.append('Account/0', 'Opened');
    const seen: string[][] = [[], [], []];
    const [one, other] = [newBus(), newBus()];
    const handlers = [
      one.addHandler((event) => void seen[0]?.push(event.eventType), eventType('Opened', 'Closed')),
      other.addHandler((event) => void seen[1]?.push(event.eventType), aggregateType('Order')),
      other.addHandler((event) => void seen[2]?.push(event.eventType)),
    ];
    await Promise.all(handlers.map(({ ready }) => ready));
    for (const [stream, type] of [
      ['Account/1', 'Opened'],
      ['Order/1', 'Sent'],
      ['Account/1', 'Closed'],
      ['Order/2', 'Closed'],
    ] as const)
      await log.append(stream, type);
    await until(() => seen[2]?.length === 4 && seen[0]?.length === 3 && seen[1]?.length === 2);
    expect(seen).toEqual([
      ['Opened', 'Closed', 'Closed'],
      ['Sent', 'Closed'],
      ['Opened', 'Sent', 'Closed', 'Closed'],
    ]);
  });

  it('match by one of several matchers, each of which wants all that it says', async () => {
    const seen: string[] = [];
    const handler = newBus().addHandler(
      {
        handle: (event) => void seen.push(`${event.eventType} ${event.stream.aggregateType}`),
        start: { kind: 'BEGINNING' },
      },
      matcher().eventType('Opened').aggregateType('Account'),
      matcher().eventType('Closed').aggregateType('Order'),
    );
    for (const type of ['Opened', 'Closed'])
      for (const of of ['Account', 'Order']) await log.append(`${of}/1`, type);
    await handler.ready;
    await until(() => seen.length === 2);
    expect(seen).toEqual(['Opened Account', 'Closed Order']);
  });

  it('may begin elsewhere in the log', async () => {
    for (let n = 0; n < 3; n++) await log.append('Thing/1');
    const seen: bigint[] = [];
    newBus().addHandler({
      handle: ({ position }) => void seen.push(position),
      start: { kind: 'AFTER', after: { position: 1n } },
    });
    await until(() => seen.length === 2);
    expect(seen).toEqual([2n, 3n]);
  });

  it('are tried again in place, so that no event overtakes', async () => {
    const seen: string[] = [];
    const handler = newBus().addHandler({
      retryDelayMs: 1,
      handle: ({ position }, { attempt }) => {
        seen.push(`${position}#${attempt}`);
        if (position === 1n && attempt < 3) throw new Error('not yet');
      },
    });
    await handler.ready;
    for (let n = 0; n < 2; n++) await log.append('Thing/1');
    await until(() => seen.length === 4);
    expect(seen).toEqual(['1#1', '1#2', '1#3', '2#1']);
  });

  it('end with the error when all tries have failed', async () => {
    const bus = newBus();
    let tries = 0;
    const handler = bus.addHandler({
      retryDelayMs: 0,
      maxAttempts: 2,
      handle: () => {
        tries += 1;
        // Of the kind after which a subscription would be resumed.
        throw new StoreUnavailableError('the cache is away');
      },
    });
    await handler.ready;
    await log.append('Thing/1');
    await expect(handler.ended).rejects.toThrow('the cache is away');
    expect(tries).toBe(2);
  });

  it('leave the event out where they are told so', async () => {
    const seen: bigint[] = [];
    const failures: unknown[] = [];
    const handler = newBus().addHandler({
      retryDelayMs: 0,
      maxAttempts: 3,
      handle: ({ position }) => {
        if (position === 1n) throw new Error('never');
        seen.push(position);
      },
      onFailure: ({ event, attempts, error }) => {
        failures.push([event.position, attempts, (error as Error).message]);
        return 'SKIP';
      },
    });
    await handler.ready;
    for (let n = 0; n < 2; n++) await log.append('Thing/1');
    await until(() => seen.length === 1);
    expect(seen).toEqual([2n]);
    expect(failures).toEqual([[1n, 3, 'never']]);
  });

  it('finish the event under way when they are stopped, and take no more', async () => {
    const begun = gate();
    const hold = gate();
    const seen: bigint[] = [];
    const handler = newBus().addHandler({
      handle: async ({ position }) => {
        begun.open();
        await hold.opened;
        seen.push(position);
      },
      start: { kind: 'BEGINNING' },
    });
    for (let n = 0; n < 2; n++) await log.append('Thing/1');
    await begun.opened;
    const stopped = handler.stop();
    hold.open();
    await stopped;
    await handler.ended;
    await handler.stop();
    expect(seen).toEqual([1n]);
  });

  it('refuse options that are out of range, and a request that the log refuses', async () => {
    const bus = newBus();
    expect(() => bus.addHandler({ handle: () => undefined, maxAttempts: 0 })).toThrow(InvalidRequestError);
    const handler = bus.addHandler(() => undefined, eventType('x'.repeat(256)));
    await expect(handler.ready).rejects.toThrow(InvalidRequestError);
  });
});

describe('workers', () => {
  it('of one name share the events, those of another name get them too', async () => {
    const seen: string[][] = [[], [], []];
    const [one, other] = [newBus(), newBus()];
    const workers = [
      one.addWorker('mailer', (event) => void seen[0]?.push(event.stream.aggregateId), eventType('Placed')),
      other.addWorker('mailer', (event) => void seen[1]?.push(event.stream.aggregateId), eventType('Placed')),
      other.addWorker('audit', (event) => void seen[2]?.push(event.stream.aggregateId), eventType('Placed')),
    ];
    await Promise.all(workers.map(({ ready }) => ready));
    await until(async () => {
      const { members } = await log.groups.get('mailer');
      return members.length === 2 && members.every(({ slots }) => slots === 32);
    });
    const wanted = Array.from({ length: 60 }, (_, n) => String(n)).toSorted();
    for (const id of wanted) {
      await log.append(`Order/${id}`, 'Other');
      await log.append(`Order/${id}`, 'Placed');
    }
    await until(() => workers.reduce((sum, { stats }) => sum + stats.handled, 0) === 120);
    expect([...(seen[0] ?? []), ...(seen[1] ?? [])].toSorted()).toEqual(wanted);
    expect(seen[2]?.toSorted()).toEqual(wanted);
    expect(Math.min(seen[0]?.length ?? 0, seen[1]?.length ?? 0)).toBeGreaterThan(0);
  });

  it('find what came while none of them was there', async () => {
    const first = newBus();
    await first.addWorker('mailer', () => undefined).ready;
    await first.close();
    await log.append('Thing/1');
    const seen: bigint[] = [];
    newBus().addWorker('mailer', ({ position }) => void seen.push(position));
    await until(() => seen.length === 1);
    expect(seen).toEqual([1n]);
  });

  it('begin from now on, or where the group is told to', async () => {
    await log.append('Thing/1');
    const seen: string[] = [];
    const bus = newBus();
    const late = bus.addWorker('late', ({ position }) => void seen.push(`late ${position}`));
    const early = bus.addWorker('early', {
      handle: ({ position }) => void seen.push(`early ${position}`),
      group: { start: { kind: 'BEGINNING' }, slots: 1 },
    });
    await Promise.all([late.ready, early.ready]);
    await log.append('Thing/1');
    await until(() => seen.length === 3);
    expect(seen.toSorted()).toEqual(['early 1', 'early 2', 'late 2']);
  });

  it('go on with what an operator has tuned, and end where the group is about other events', async () => {
    const bus = newBus();
    await bus.addWorker('mailer', () => undefined, eventType('Placed')).ready;
    const { group } = await log.groups.get('mailer');
    await log.groups.update({ name: 'mailer', settings: { ...group.settings, maxAttempts: 3 } });
    await newBus().addWorker('mailer', () => undefined, eventType('Placed')).ready;
    const changed = newBus().addWorker('mailer', () => undefined, eventType('Placed', 'Sent'));
    await expect(changed.ended).rejects.toThrow(GroupExistsError);
  });
});

describe('a bus that is closed', () => {
  it('has stopped all that was added, also what had failed, and takes no more', async () => {
    const bus = newBus();
    const failed = bus.addHandler({ handle: () => Promise.reject(new Error('never')), maxAttempts: 1 });
    const handler = bus.addHandler(() => undefined);
    const worker = bus.addWorker('mailer', () => undefined);
    await Promise.all([failed.ready, handler.ready, worker.ready]);
    await log.append('Thing/1');
    await expect(failed.ended).rejects.toThrow('never');
    await bus.close();
    await bus.close();
    await Promise.all([handler.ended, worker.ended]);
    expect(() => bus.addHandler(() => undefined)).toThrow('The bus is closed');
    expect(() => bus.addWorker('mailer', () => undefined)).toThrow(TypeError);
  });
});
