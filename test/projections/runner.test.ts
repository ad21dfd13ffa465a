import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CommandNotRegisteredError,
  LogEpochChangedError,
  PositionNotReachedError,
  StoreUnavailableError,
} from '../../src/core/errors.js';
import { ProjectionNotFoundError } from '../../src/core/follower-errors.js';
import { silentLogger } from '../../src/core/logger.js';
import type { ProjectionLeases } from '../../src/core/projections.js';
import { defineProjector } from '../../src/projections/projector.js';
import type { OnHandlerFailure } from '../../src/projections/projection-work.js';
import { runProjection } from '../../src/projections/projection-runner.js';
import { systemRuntime } from '../../src/system.js';
import { accountEvents, type FollowedLog, followedLog, until } from './followed-log.js';

let log: FollowedLog;
beforeEach(() => {
  log = followedLog();
});
afterEach(() => log.stop());

/** Remembers every amount; `fails` says which is refused. */
function amounts({
  fails = () => false,
  version = 1,
}: {
  fails?: (amount: number) => boolean;
  version?: number;
} = {}) {
  return defineProjector({
    name: 'amounts',
    version,
    events: accountEvents,
    initialState: (): number[] => [],
    on: {
      Deposited: (state, { payload: { amount } }) => {
        state.push(amount * version);
        if (fails(amount)) throw new Error(`not ${amount}`);
        return state;
      },
    },
  });
}
type Amounts = ReturnType<typeof amounts>;

const run = (projector: Amounts, options = {}) => log.run(projector.work(log.projections), options);
const stateOf = async (minPosition?: bigint) =>
  (await amounts().stateOf(log.projections, minPosition === undefined ? {} : { minPosition })).state;
const status = async () => (await log.projections.get('amounts')).status;
const from = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('a runner that is stopped', () => {
  it('in the middle has kept what it had handled, and another one goes on there', async () => {
    const last = await log.deposit('a', ...from(1, 200));
    let handled = 0;
    const slow = defineProjector({
      name: 'amounts',
      events: accountEvents,
      initialState: (): number[] => [],
      on: {
        Deposited: async (state, { payload: { amount } }) => {
          handled += 1;
          if (handled === 50) void first.stop();
          await systemRuntime.sleep(1);
          return [...state, amount];
        },
      },
    });
    const first = log.run(slow.work(log.projections), { batchEvents: 20 });
    expect(await first.ended).toEqual({});
    expect(first.status()).toMatchObject({ state: 'ENDED', generations: [] });
    const kept = await stateOf();
    expect(kept).toEqual(from(1, kept.length));
    expect(await status()).toBe('WAITING');
    await run(amounts()).waitFor(last);
    expect(await stateOf(last)).toEqual(from(1, 200));
    await first.stop();
  });

  it('does not wait for ever for a handler', async () => {
    const stuck = defineProjector({
      name: 'amounts',
      events: accountEvents,
      initialState: (): number[] => [],
      on: {
        Deposited: (state, _event, { signal }) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(state))),
      },
    });
    await log.deposit('a', 1);
    const running = log.run(stuck.work(log.projections), { stopTimeoutMs: 50 });
    await until(() => running.metrics()?.received);
    await running.stop();
    expect((await log.projections.get('amounts')).live.position.position).toBe(0n);
  });

  it('ends with its signal', async () => {
    const controller = new AbortController();
    const running = run(amounts(), { signal: controller.signal });
    await running.ready;
    controller.abort();
    expect(await running.ended).toEqual({});
  });
});

describe('an event whose handler fails', () => {
  it('is stayed in front of, until it is resumed', async () => {
    let broken = true;
    await log.deposit('a', 1, 2, 13, 4);
    const running = run(amounts({ fails: (amount) => broken && amount === 13 }));
    await until(async () => (await status()) === 'FAILED');
    expect(await stateOf()).toEqual([1, 2]);
    const { live } = await log.projections.get('amounts');
    expect(live.position.position).toBe(2n);
    expect(live.failure).toMatchObject({
      position: 3n,
      stream: { aggregateType: 'Account', aggregateId: 'a' },
      error: 'Error: not 13',
      attempts: 1,
      retryAt: undefined,
    });
    expect(running.status().generations[0]?.state).toBe('FAILED');
    broken = false;
    await log.projections.resume('amounts');
    expect(await stateOf(4n)).toEqual([1, 2, 13, 4]);
    await until(async () => (await log.projections.get('amounts')).live.failure === undefined);
    expect(await status()).toBe('RUNNING');
  });

  it('fails again when it is resumed and nothing is mended', async () => {
    await log.deposit('a', 13);
    let tries = 0;
    run(amounts({ fails: () => (tries += 1) > 0 }));
    await until(async () => (await status()) === 'FAILED');
    await log.projections.resume('amounts');
    await until(async () => tries === 2 && (await status()) === 'FAILED');
  });

  it('that nobody decides a command now is tried again, unless it is told otherwise', async () => {
    const last = await log.deposit('a', 1, 2);
    let tries = 0;
    const sending = defineProjector({
      name: 'amounts',
      events: accountEvents,
      initialState: (): number[] => [],
      on: {
        Deposited: (state, { payload: { amount } }) => {
          tries += 1;
          if (tries <= 2) throw new CommandNotRegisteredError('Ship');
          return [...state, amount];
        },
      },
    });
    await log.run(sending.work(log.projections)).waitFor(last);
    expect(await stateOf(last)).toEqual([1, 2]);
    expect(tries).toBe(4);
  });

  it('of the program itself, before any event, stops it: to try again could not help', async () => {
    await log.deposit('a', 1);
    const wrong = amounts().work(log.projections);
    const open = () => Promise.reject(Object.assign(new Error('syntax error at "TABEL"'), { code: '42601' }));
    log.run({ ...wrong, open });
    await until(async () => (await status()) === 'FAILED');
    const { failure } = (await log.projections.get('amounts')).live;
    expect(failure).toMatchObject({ error: 'Error: syntax error at "TABEL"', retryAt: undefined });
  });

  it('is tried again as its handler says, with its number of attempts', async () => {
    const asked: unknown[] = [];
    let tries = 0;
    const onFailure: OnHandlerFailure = (error, { position }, attempt) => {
      asked.push([(error as Error).message, position, attempt]);
      return { kind: 'RETRY', afterMs: 10 };
    };
    const last = await log.deposit('a', 1, 13, 2);
    run(amounts({ fails: (amount) => amount === 13 && (tries += 1) <= 3 }), { onFailure });
    expect(await stateOf(last)).toEqual([1, 13, 2]);
    expect(asked).toEqual([
      ['not 13', 2n, 1],
      ['not 13', 2n, 2],
      ['not 13', 2n, 3],
    ]);
  });

  it('is told while it waits to be tried again', async () => {
    await log.deposit('a', 13);
    run(amounts({ fails: () => true }), { onFailure: () => ({ kind: 'RETRY' }) });
    await until(async () => Number((await log.projections.get('amounts')).live.failure?.attempts) >= 2);
    const { failure } = (await log.projections.get('amounts')).live;
    expect(failure?.retryAt).toBeGreaterThan(failure?.failedAt ?? 0n);
    expect(await status()).not.toBe('FAILED');
  });

  it('is left out if that is decided, the last and the only one too', async () => {
    const last = await log.deposit('a', 13, 1, 13, 13, 2, 13);
    const running = run(amounts({ fails: (amount) => amount === 13 }), {
      onFailure: () => ({ kind: 'IGNORE' }),
    });
    expect(await stateOf(last)).toEqual([1, 2]);
    expect(running.metrics()).toMatchObject({ received: 6, handled: 2, ignored: 4, failures: 4, lag: 0 });
    const more = await log.deposit('a', 13);
    await running.waitFor(more);
    expect(await stateOf(await log.deposit('a', 3))).toEqual([1, 2, 3]);
  });
});

describe('orders', () => {
  it('pause and go on', async () => {
    const running = run(amounts());
    await running.waitFor(await log.deposit('a', 1));
    await log.projections.pause('amounts');
    await until(() => running.status().generations[0]?.state === 'PAUSED');
    const last = await log.deposit('a', 2);
    await expect(running.waitFor(last, { timeoutMilliseconds: 100 })).rejects.toThrow(
      PositionNotReachedError,
    );
    expect(await status()).toBe('PAUSED');
    await log.projections.resume('amounts');
    expect(await stateOf(last)).toEqual([1, 2]);
  });

  it('stop and go on, without a new process', async () => {
    const running = run(amounts());
    await running.waitFor(await log.deposit('a', 1));
    await log.projections.stop('amounts');
    await until(() => running.status().state === 'STOPPED' && running.status().generations.length === 0);
    const last = await log.deposit('a', 2);
    expect(await status()).toBe('STOPPED');
    await log.projections.resume('amounts');
    expect(await stateOf(last)).toEqual([1, 2]);
  });

  it('reset: from the first event, without a state; also out of a failure', async () => {
    let broken = true;
    await log.deposit('a', 1, 13, 2);
    run(amounts({ fails: (amount) => broken && amount === 13 }));
    await until(async () => (await status()) === 'FAILED');
    broken = false;
    await log.projections.reset({ name: 'amounts' });
    expect(await stateOf(3n)).toEqual([1, 13, 2]);
    await log.projections.reset({ name: 'amounts' });
    const last = await log.deposit('a', 3);
    expect(await stateOf(last)).toEqual([1, 13, 2, 3]);
  });

  it('reset, as a handler asks for it in the middle of its batch', async () => {
    let asked = false;
    const again = defineProjector({
      name: 'amounts',
      events: accountEvents,
      initialState: (): number[] => [],
      on: {
        Deposited: async (state, { payload: { amount } }) => {
          if (amount === 2 && !asked) {
            asked = true;
            await log.projections.reset({ name: 'amounts' });
          }
          return [...state, amount];
        },
      },
    });
    const last = await log.deposit('a', 1, 2, 3);
    const running = run(again);
    await until(() => (running.metrics()?.handled ?? 0) >= 5);
    await running.waitFor(last);
    expect(await stateOf(last)).toEqual([1, 2, 3]);
  });

  it('rebuild: the next generation is built beside the live one and takes its place', async () => {
    const running = run(amounts());
    await running.waitFor(await log.deposit('a', 1, 2));
    await log.projections.rebuild({ name: 'amounts' });
    await until(async () => (await log.projections.get('amounts')).live.generation === 2n);
    const last = await log.deposit('a', 3);
    expect(await stateOf(last)).toEqual([1, 2, 3]);
    await until(() => running.status().generations.length === 1);
    expect(running.status().generations).toMatchObject([{ generation: 2n, live: true, state: 'RUNNING' }]);
  });

  it('rebuild while events come: the live one goes on, and nothing is missing afterwards', async () => {
    const running = run(amounts(), { batchEvents: 10 });
    await log.deposit('a', ...from(1, 300));
    await log.projections.rebuild({ name: 'amounts' });
    for (let amount = 301; amount <= 400; amount++) await log.deposit('a', amount);
    await until(async () => (await log.projections.get('amounts')).live.generation === 2n);
    await running.waitFor(400n);
    expect(await stateOf(400n)).toEqual(from(1, 400));
  });

  it('a rebuild that is thrown away leaves the live one as it was', async () => {
    const running = run(amounts());
    await running.waitFor(await log.deposit('a', 1));
    await log.projections.rebuild({ name: 'amounts', waitWithSwap: true });
    await until(() => running.status().generations.length === 2);
    await log.projections.finishRebuild({ name: 'amounts', discard: true });
    await until(() => running.status().generations.length === 1);
    expect(await stateOf(await log.deposit('a', 2))).toEqual([1, 2]);
    expect(running.status().generations).toMatchObject([{ generation: 1n, live: true }]);
  });
});

it('a projection that is waited for before it is made may be made while the service looks for it', async () => {
  const reached = through(log.projections, () => true);
  let onLooked: (error: unknown) => void = () => undefined;
  const looked = new Promise<unknown>((resolve) => {
    onLooked = resolve;
  });
  const slowToAnswer: ProjectionLeases = {
    ...reached,
    acquire: async (...asked) => {
      await looked;
      return reached.acquire(...asked);
    },
    load: async (...asked) => {
      try {
        return await reached.load(...asked);
      } catch (error) {
        onLooked(error);
        await running.ready;
        throw error;
      }
    },
  };
  const last = await log.deposit('a', 1);
  const parts = { eventStore: log.store, projections: slowToAnswer, runtime: systemRuntime };
  const running = runProjection(parts, amounts().work(log.projections), { pollMs: 100 });
  try {
    expect((await running.waitFor(last)).position).toBe(last);
    expect(await looked).toBeInstanceOf(ProjectionNotFoundError);
  } finally {
    await running.stop();
  }
});

describe('several runners of one projection', () => {
  it('one works, and another takes over when it stops', async () => {
    const first = run(amounts());
    await first.ready;
    const second = run(amounts());
    await second.ready;
    expect([first.status().state, second.status().state]).toEqual(['WORKING', 'STANDBY']);
    const last = await log.deposit('a', 1);
    expect((await second.waitFor(last)).position).toBe(last);
    await first.stop();
    await until(() => second.status().state === 'WORKING');
    expect(await stateOf(await log.deposit('a', 2))).toEqual([1, 2]);
  });

  it('a first, a second and two at once come to the same state and position', async () => {
    const first = run(amounts());
    await first.waitFor(await log.deposit('a', 100, 50, 10));
    await first.stop();
    const kept = () => amounts().stateOf(log.projections);
    expect(await kept()).toMatchObject({ state: [100, 50, 10], position: { position: 3n } });
    const again = run(amounts());
    await again.ready;
    await again.stop();
    expect(await kept()).toMatchObject({ state: [100, 50, 10], position: { position: 3n } });
    const both = [run(amounts()), run(amounts())];
    await Promise.all(both.map(({ ready }) => ready));
    const last = await log.deposit('a', 5, 1);
    await Promise.all(both.map((one) => one.waitFor(last)));
    expect(await kept()).toMatchObject({ state: [100, 50, 10, 5, 1], position: { position: last } });
  });

  it('another takes over within the lease when the first is cut off, which then keeps nothing any more', async () => {
    let reachable = true;
    const cutOff = through(log.projections, () => reachable);
    const started: bigint[] = [];
    const aborted: bigint[] = [];
    const slow = defineProjector({
      name: 'amounts',
      events: accountEvents,
      initialState: (): number[] => [],
      on: {
        Deposited: async (state, { payload: { amount }, position }, { signal }) => {
          started.push(position);
          if (amount === 2)
            await new Promise<void>((resolve) =>
              signal.addEventListener('abort', () => {
                aborted.push(position);
                resolve();
              }),
            );
          return [...state, amount];
        },
      },
    });
    const parts = { eventStore: log.store, projections: cutOff, runtime: systemRuntime };
    const first = runProjection(parts, slow.work(cutOff), { pollMs: 100 });
    await first.waitFor(await log.deposit('a', 1));
    const last = await log.deposit('a', 2);
    await until(() => started.length === 2);
    reachable = false;
    const second = run(amounts());
    expect((await second.waitFor(last, { timeoutMilliseconds: 10_000 })).position).toBe(last);
    expect(aborted).toEqual([last]);
    expect(await stateOf()).toEqual([1, 2]);
    reachable = true;
    await until(() => first.status().state === 'STANDBY');
    await first.stop();
    expect(await stateOf()).toEqual([1, 2]);
  });

  it('one whose rule is older than the live generation ends, and says why', async () => {
    const next = run(amounts({ version: 2 }));
    await next.waitFor(await log.deposit('a', 1));
    const old = run(amounts());
    await expect(old.ready).rejects.toThrow(/at version 2 of its rule/);
    expect((await old.ended).failure?.name).toBe('ProjectionSupersededError');
  });

  it('one with a later rule builds beside the earlier one, and replaces it', async () => {
    const old = run(amounts());
    await old.waitFor(await log.deposit('a', 1, 2));
    run(amounts({ version: 2 }));
    await until(async () => (await log.projections.get('amounts')).live.definitionVersion === 2);
    expect(await stateOf(await log.deposit('a', 3))).toEqual([2, 4, 6]);
    expect((await old.ended).failure?.name).toBe('ProjectionSupersededError');
  });
});

describe('a runner without a logger or a name', () => {
  it('tells the logger of its runtime what ended it, and has the name of its process', async () => {
    const next = run(amounts({ version: 2 }));
    await next.waitFor(await log.deposit('a', 1));
    expect((await log.projections.get('amounts')).live.runner).toBe(systemRuntime.processName);
    const told: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => told.push(message) };
    const runtime = { ...systemRuntime, logger };
    const parts = { eventStore: log.store, projections: log.projections, runtime };
    const old = runProjection(parts, amounts().work(log.projections));
    expect((await old.ended).failure?.name).toBe('ProjectionSupersededError');
    expect(told).toEqual(['A projection has ended']);
  });
});

describe('failures of the store', () => {
  it('are borne: a subscription is had again, an unanswered save is looked up', async () => {
    let working = true;
    const flaky = through(log.projections, () => working);
    let subscriptions = 0;
    const eventStore = {
      append: log.store.append.bind(log.store),
      load: log.store.load.bind(log.store),
      subscribe: (...all: Parameters<typeof log.store.subscribe>) => {
        subscriptions += 1;
        if (subscriptions % 2 === 1) throw new StoreUnavailableError('away');
        return log.store.subscribe(...all);
      },
    };
    const running = runProjection(
      { eventStore, projections: flaky, runtime: systemRuntime },
      amounts().work(flaky),
      { pollMs: 50 },
    );
    await running.waitFor(await log.deposit('a', 1));
    working = false;
    const last = await log.deposit('a', 2);
    await until(() => running.status().generations[0]?.failure);
    expect(running.status().generations[0]?.state).toBe('RETRYING');
    working = true;
    await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    expect(await stateOf()).toEqual([1, 2]);
    await running.stop();
  });

  it('a log that lost its tail is told, and a reset goes on', async () => {
    let lost = false;
    const eventStore = {
      append: log.store.append.bind(log.store),
      load: log.store.load.bind(log.store),
      subscribe: (...all: Parameters<typeof log.store.subscribe>) => {
        if (lost && all[0].start?.kind === 'AFTER') throw new LogEpochChangedError(2n, 1n, 1n, 2n);
        return log.store.subscribe(...all);
      },
    };
    const parts = { eventStore, projections: log.projections, runtime: systemRuntime };
    await log.deposit('a', 1, 2);
    const first = runProjection(parts, amounts().work(log.projections), { pollMs: 50 });
    await first.waitFor(2n);
    await first.stop();
    lost = true;
    const running = runProjection(parts, amounts().work(log.projections), { pollMs: 50 });
    await until(async () => (await status()) === 'FAILED');
    const { failure } = (await log.projections.get('amounts')).live;
    expect(failure?.error).toMatch(/LogEpochChangedError: Position 2 of epoch 1 is lost/);
    await log.projections.reset({ name: 'amounts' });
    await until(async () => (await status()) === 'RUNNING');
    expect(await stateOf(2n)).toEqual([1, 2]);
    await running.stop();
  });
});

describe('what a runner measures', () => {
  it('is had from it, told by a hook, and reported to the service', async () => {
    const told: { generation: bigint; handled: number }[] = [];
    const last = await log.deposit('a', 1, 2, 3);
    const running = run(amounts(), { onMetrics: (metrics: (typeof told)[number]) => told.push(metrics) });
    await running.waitFor(last);
    expect(running.metrics()).toMatchObject({ received: 3, handled: 3, batches: 1, failures: 0, lag: 0 });
    expect(running.metrics()?.processingMs).toBeGreaterThan(0);
    await until(() => told.some(({ handled, generation }) => handled === 3 && generation === 1n));
    await until(async () => (await log.projections.get('amounts')).live.metrics['handled'] === 3);
  });
});

/** The service as it is reached, or not. */
function through(projections: ProjectionLeases, reachable: () => boolean): ProjectionLeases {
  const asked =
    <Arguments extends unknown[], Result>(call: (...all: Arguments) => Promise<Result>) =>
    async (...all: Arguments): Promise<Result> => {
      if (!reachable()) throw new StoreUnavailableError('The service is away');
      return call(...all);
    };
  return {
    acquire: asked(projections.acquire.bind(projections)),
    report: asked(projections.report.bind(projections)),
    save: asked(projections.save.bind(projections)),
    load: asked(projections.load.bind(projections)),
    promote: asked(projections.promote.bind(projections)),
    release: asked(projections.release.bind(projections)),
  };
}

it('a state that is asked for under the name of another kind of projection is refused, and not empty', async () => {
  await log.projections.acquire({
    name: 'amounts',
    kind: 'READ_MODEL',
    definitionVersion: 1,
    runner: 'host',
    runnerId: 'one',
  });
  await expect(stateOf()).rejects.toMatchObject({
    reason: 'PROJECTION_CONFLICT',
    message: 'Projection amounts is of the kind READ_MODEL, and has no such state',
  });
});
