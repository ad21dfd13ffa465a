import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ParkedStream } from '../../src/core/consumer-groups.js';
import { GroupExistsError, GroupNotFoundError, LeaseLostError } from '../../src/core/follower-errors.js';
import { DeadlineExceededError, InvalidRequestError, StoreUnavailableError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/logger.js';
import {
  consume,
  type ConsumeOptions,
  type Consumer,
  type JoinedGroups,
} from '../../src/subscriptions/consume.js';
import { systemRuntime } from '../../src/system.js';
import { gate, type LogWithGroups, logWithGroups, until } from './bus-in-memory.js';

const GROUP = 'mailer';
let log: LogWithGroups;
const consumers: Consumer[] = [];
beforeEach(() => {
  log = logWithGroups();
});
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((one) => one.stop()));
  await log.close();
});

function consumer(
  options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'handle'>,
  groups: JoinedGroups = log.groups,
): Consumer {
  const one = consume(groups, {
    runtime: systemRuntime,
    group: GROUP,
    create: {},
    stopTimeoutMs: 5000,
    ...options,
  });
  consumers.push(one);
  return one;
}

/** So many events are handled, by all consumers together. */
function handled(events: number): Promise<void> {
  return until(() => consumers.reduce((sum, { stats }) => sum + stats.handled, 0) === events);
}
async function parked(): Promise<readonly ParkedStream[]> {
  await consumers[0]?.ready;
  return (await log.groups.listParked({ group: GROUP })).parked;
}

describe('a consumer', () => {
  it('handles every event of a stream in order, and streams side by side', async () => {
    for (let n = 0; n < 30; n++) await log.append(`Thing/${n % 3}`);
    const seen = new Map<string, bigint[]>();
    let atOnce = 0;
    let mostAtOnce = 0;
    const hold = gate();
    const one = consumer({
      handle: async ({ stream, version }) => {
        atOnce += 1;
        mostAtOnce = Math.max(mostAtOnce, atOnce);
        if (mostAtOnce === 3) hold.open();
        await hold.opened;
        seen.set(stream.aggregateId, [...(seen.get(stream.aggregateId) ?? []), version]);
        atOnce -= 1;
      },
    });
    await handled(30);
    const versions = Array.from({ length: 10 }, (_, n) => BigInt(n + 1));
    expect(Object.fromEntries(seen)).toEqual({ 0: versions, 1: versions, 2: versions });
    expect(mostAtOnce).toBe(3);
    expect(one.stats).toMatchObject({ handled: 30, failed: 0, lost: 0, underWay: 0, joined: 1 });
  });

  it('handles no more events at a time than it is told', async () => {
    for (let n = 0; n < 12; n++) await log.append(`Thing/${n}`);
    let atOnce = 0;
    let mostAtOnce = 0;
    consumer({
      concurrency: 2,
      handle: async () => {
        atOnce += 1;
        mostAtOnce = Math.max(mostAtOnce, atOnce);
        await systemRuntime.sleep(1);
        atOnce -= 1;
      },
    });
    await handled(12);
    expect(mostAtOnce).toBe(2);
  });

  it('tells the handler about the delivery', async () => {
    await log.append('Thing/1');
    const told: unknown[] = [];
    consumer({
      handle: (event, { signal, ...context }) => {
        told.push({
          ...context,
          aborted: signal.aborted,
          caused: context.metadata['causation_id'] === event.eventId,
        });
      },
    });
    await handled(1);
    expect(told).toEqual([
      expect.objectContaining({ attempt: 1, replayed: false, aborted: false, caused: true, group: GROUP }),
    ]);
  });

  it('acks what it is not about, without handling it', async () => {
    await log.append('Thing/1', 'Wanted');
    await log.append('Thing/1', 'Other');
    await log.append('Thing/1', 'Wanted');
    const seen: string[] = [];
    const one = consumer({
      matches: ({ eventType }) => eventType === 'Wanted',
      handle: ({ eventType }) => void seen.push(eventType),
    });
    await handled(2);
    expect(seen).toEqual(['Wanted', 'Wanted']);
    expect(one.stats.handled).toBe(2);
  });

  it('refuses options that are out of range', () => {
    const wrong = { concurrency: 0, timeoutMs: 0.5, stopTimeoutMs: -1 };
    const fails = () =>
      consume(log.groups, { runtime: systemRuntime, group: GROUP, handle: () => undefined, ...wrong });
    expect(fails).toThrow(InvalidRequestError);
    expect(fails).toThrow(/concurrency.*\(and 2 more\)/);
  });
});

describe('the group of a consumer', () => {
  it('must be there, unless it is to be created', async () => {
    const one = consume(log.groups, { runtime: systemRuntime, group: 'nobody', handle: () => undefined });
    await expect(one.ready).rejects.toThrow(GroupNotFoundError);
    await expect(one.ended).rejects.toThrow(GroupNotFoundError);
    await one.stop();
  });

  it('may be there with other settings than those that nobody named', async () => {
    await log.groups.create({ name: GROUP, slots: 7, settings: { maxAttempts: 3 } });
    await consumer({ handle: () => undefined, create: { slots: 7 } }).ready;
    expect((await log.groups.get(GROUP)).group).toMatchObject({ slots: 7, settings: { maxAttempts: 3 } });
  });

  it.each([
    ['settings', { settings: { maxAttempts: 4 } }],
    ['slots', { slots: 8 }],
    ['selection', { selection: { filters: [{ eventTypes: ['Sent'] }] } }],
  ])('must have the %s that are named', async (_, create) => {
    await log.groups.create({ name: GROUP, slots: 7, settings: { maxAttempts: 3 } });
    await expect(consumer({ handle: () => undefined, create }).ended).rejects.toThrow(GroupExistsError);
  });

  it('ends its consumers when it is deleted', async () => {
    const one = consumer({ handle: () => undefined });
    await one.ready;
    await log.groups.delete(GROUP);
    await expect(one.ended).rejects.toThrow(GroupNotFoundError);
  });
});

describe('an event that cannot be handled', () => {
  it('is tried again, and holds back its own stream only', async () => {
    for (const stream of ['a', 'b', 'a', 'b']) await log.append(`Thing/${stream}`);
    const seen: string[] = [];
    const one = consumer({
      create: { settings: { retryDelayMs: 50 } },
      handle: ({ stream, version }, { attempt }) => {
        seen.push(`${stream.aggregateId}${version}#${attempt}`);
        if (stream.aggregateId === 'a' && attempt < 3 && version === 1n) throw new Error('not yet');
      },
    });
    await handled(4);
    expect(seen.filter((one) => one.startsWith('a'))).toEqual(['a1#1', 'a1#2', 'a1#3', 'a2#1']);
    expect(seen.filter((one) => one.startsWith('b'))).toEqual(['b1#1', 'b2#1']);
    expect(seen.indexOf('b2#1')).toBeLessThan(seen.indexOf('a1#3'));
    expect(one.stats).toMatchObject({ handled: 4, failed: 2 });
  });

  it('is parked after the attempts of the group, with the reason, and handled when it is replayed', async () => {
    await log.append('Thing/a');
    await log.append('Thing/a');
    let broken = true;
    const seen: string[] = [];
    consumer({
      create: { settings: { maxAttempts: 2, retryDelayMs: 0 } },
      handle: ({ version }, { replayed }) => {
        if (broken) throw new TypeError('the mail server is away');
        seen.push(`${version}${replayed ? ' replayed' : ''}`);
      },
    });
    await until(async () => (await parked()).length === 1);
    expect(await parked()).toEqual([
      expect.objectContaining({ position: 1n, attempts: 2, reason: 'TypeError: the mail server is away' }),
    ]);
    broken = false;
    await log.groups.replayParked({ group: GROUP });
    await until(() => seen.length === 2);
    expect(seen).toEqual(['1 replayed', '2 replayed']);
  });

  it('is parked or left out where the consumer decides so', async () => {
    for (const stream of ['park', 'skip']) for (let n = 0; n < 2; n++) await log.append(`Thing/${stream}`);
    const seen: string[] = [];
    const asked: string[] = [];
    consumer({
      handle: ({ stream, version }) => {
        if (version === 1n) throw new Error('never');
        seen.push(`${stream.aggregateId} ${version}`);
      },
      onFailure: ({ event, error, attempts }) => {
        asked.push(`${event.stream.aggregateId} ${(error as Error).message} ${attempts}`);
        return event.stream.aggregateId === 'park' ? { kind: 'PARK' } : { kind: 'SKIP' };
      },
    });
    await until(async () => (await parked()).length === 1 && seen.length === 1);
    expect(seen).toEqual(['skip 2']);
    expect(asked.toSorted()).toEqual(['park never 1', 'skip never 1']);
  });

  it('is tried again where the consumer fails to decide', async () => {
    await log.append('Thing/a');
    let tries = 0;
    consumer({
      create: { settings: { retryDelayMs: 0 } },
      handle: () => {
        tries += 1;
        if (tries === 1) throw new Error('not yet');
      },
      onFailure: () => {
        throw new Error('no idea');
      },
    });
    await until(() => tries === 2);
    await handled(1);
  });

  it('counts as failed when its time is up, and its signal says so', async () => {
    await log.append('Thing/a');
    const reasons: unknown[] = [];
    consumer({
      create: { settings: { retryDelayMs: 0 } },
      timeoutMs: 30,
      handle: (_, { attempt, signal }) =>
        attempt > 1
          ? undefined
          : new Promise((_resolve) => signal.addEventListener('abort', () => reasons.push(signal.reason))),
    });
    await handled(1);
    expect(reasons).toEqual([expect.any(DeadlineExceededError)]);
  });
});

describe('consumers of one group', () => {
  it('share the events: each is handled once, and one stream by one of them', async () => {
    const seen = new Map<string, Set<string>>();
    const counts = [0, 0];
    const both = [log.groups, log.anotherInstance()].map((groups, index) =>
      consumer(
        {
          handle: ({ stream }) => {
            counts[index] = (counts[index] ?? 0) + 1;
            seen.set(stream.aggregateId, (seen.get(stream.aggregateId) ?? new Set()).add(String(index)));
          },
        },
        groups,
      ),
    );
    await Promise.all(both.map((one) => one.ready));
    await until(async () => {
      const { members } = await log.groups.get(GROUP);
      return members.length === 2 && members.every(({ slots }) => slots === 32);
    });
    for (let n = 0; n < 200; n++) await log.append(`Thing/${n % 50}`);
    await handled(200);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(200);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const [stream, by] of seen) expect([stream, by.size]).toEqual([stream, 1]);
  });

  it('take over what another leaves unanswered, whose handler is told', async () => {
    await log.append('Thing/a');
    const reasons: unknown[] = [];
    const stuck = gate();
    const lost = consumer({
      stopTimeoutMs: 0,
      handle: (_, { signal }) =>
        new Promise<void>((resolve) => {
          stuck.open();
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            resolve();
          });
        }),
    });
    await stuck.opened;
    const attempts: number[] = [];
    const heir = consumer({ handle: (_, { attempt }) => void attempts.push(attempt) }, log.anotherInstance());
    await heir.ready;
    await lost.stop();
    await handled(1);
    expect(attempts).toEqual([2]);
    expect(reasons).toEqual([expect.any(LeaseLostError)]);
    expect(lost.stats).toMatchObject({ handled: 0, lost: 1 });
  });
});

describe('a consumer that nobody listens to', () => {
  it('tells the logger of its runtime, and onTrouble, why it joins again', async () => {
    const troubles: unknown[] = [];
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warned.push(message) };
    const away = new StoreUnavailableError('The service is away');
    const groups: JoinedGroups = {
      create: (request) => log.groups.create(request),
      get: (name) => log.groups.get(name),
      join: async (request, options) => {
        if (troubles.length === 0) throw away;
        return log.groups.join(request, options);
      },
    };
    const runtime = { ...systemRuntime, logger };
    const one = consumer(
      { runtime, handle: () => undefined, onTrouble: (error) => troubles.push(error) },
      groups,
    );
    await one.ready;
    expect(troubles).toEqual([away]);
    expect(warned).toEqual(['A consumer joins its group again']);
  });

  it('says what is missing when it is given no runtime', () => {
    const incomplete = { group: GROUP, handle: () => undefined } as unknown as ConsumeOptions;
    expect(() => consume(log.groups, incomplete)).toThrow('consume needs a runtime');
  });
});

describe('a consumer that is stopped', () => {
  it('finishes what was delivered, takes no more, and ends without a failure', async () => {
    for (let n = 0; n < 4; n++) await log.append(`Thing/${n}`);
    const hold = gate();
    const begun = gate();
    const seen: string[] = [];
    const one = consumer({
      concurrency: 2,
      maxInFlight: 3,
      handle: async ({ stream }) => {
        begun.open();
        await hold.opened;
        seen.push(stream.aggregateId);
      },
    });
    await begun.opened;
    await until(() => one.stats.underWay === 3);
    const stopped = one.stop();
    expect(one.stop()).toBe(stopped);
    hold.open();
    await stopped;
    await one.ended;
    expect(seen.toSorted()).toEqual(['0', '1', '2']);
    await until(async () => (await log.groups.get(GROUP)).members.length === 0);
    const heir = consumer({ handle: ({ stream }) => void seen.push(stream.aggregateId) });
    await handled(4);
    expect(seen.toSorted()).toEqual(['0', '1', '2', '3']);
    expect(heir.stats.handled).toBe(1);
  });

  it('is so by its signal, too, and before it has joined', async () => {
    const signal = AbortSignal.abort();
    const one = consumer({ handle: () => undefined, signal });
    await one.ended;
    await expect(one.ready).rejects.toThrow('was stopped before it had joined');
    const abort = new AbortController();
    const other = consumer({ handle: () => undefined, signal: abort.signal });
    await other.ready;
    abort.abort();
    await other.ended;
    await until(async () => (await log.groups.get(GROUP)).members.length === 0);
  });

  it('does not wait for ever for a handler that hangs', async () => {
    await log.append('Thing/a');
    const begun = gate();
    const one = consumer({
      stopTimeoutMs: 20,
      handle: () => {
        begun.open();
        return new Promise<void>(() => undefined);
      },
    });
    await begun.opened;
    await one.stop();
    await one.ended;
  });
});

describe('a consumer whose membership ends', () => {
  it('joins again elsewhere when the instance shuts down, and misses nothing', async () => {
    const first = log.anotherInstance();
    const second = log.anotherInstance();
    let current = first;
    // What a client with several addresses does.
    const groups: JoinedGroups = {
      create: (...args) => current.create(...args),
      get: (...args) => current.get(...args),
      join: (...args) => current.join(...args),
    };
    const seen: bigint[] = [];
    const one = consumer({ handle: ({ position }) => void seen.push(position), concurrency: 1 }, groups);
    await one.ready;
    await log.append('Thing/a');
    await handled(1);
    current = second;
    await first.drain();
    await log.append('Thing/a');
    await handled(2);
    expect(seen).toEqual([1n, 2n]);
    expect(one.stats.joined).toBe(2);
  });

  it('joins again when it was late, and handles again what it had', async () => {
    await log.append('Thing/a');
    await log.append('Thing/b');
    const tries: string[] = [];
    const one = consumer({
      create: { settings: { ackTimeoutMs: 1000, retryDelayMs: 0 } },
      // Longer than the service waits: it is the service that ends the membership.
      timeoutMs: 60_000,
      handle: ({ stream }, { attempt, signal }) => {
        tries.push(`${stream.aggregateId}#${attempt}`);
        if (attempt > 1 || stream.aggregateId === 'b') return undefined;
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    await handled(2);
    expect(tries.toSorted()).toEqual(['a#1', 'a#2', 'b#1']);
    expect(one.stats.joined).toBe(2);
  });
});
