import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/core/errors.js';
import type { DecodedBy } from '../../src/core/event-types.js';
import type { Projections } from '../../src/core/projections.js';
import {
  type AggregateProjector,
  type AggregateProjectorDefinition,
  type AggregateProjectorParts,
  defineAggregateProjector,
} from '../../src/projections/aggregate-projector.js';
import type { OnHandlerFailure } from '../../src/projections/projection-work.js';
import { systemRuntime } from '../../src/system.js';
import { thing } from '../../src/testing/builders.js';
import { accountEvents, type FollowedLog, followedLog, until } from './followed-log.js';

let log: FollowedLog;
let refused: number;
let handled: string[];
beforeEach(() => {
  log = followedLog();
  refused = 13;
  handled = [];
});
afterEach(() => log.stop());

interface Balance {
  readonly amounts: readonly number[];
}

/** Fails at one amount for as long as that is refused. */
const balances = (
  onFailure: OnHandlerFailure = () => ({ kind: 'FAIL' }),
  more: Pick<AggregateProjectorDefinition<Balance>, 'cachedAggregates' | 'from'> = {},
): AggregateProjector<Balance> =>
  defineAggregateProjector<Balance, DecodedBy<typeof accountEvents>>({
    name: 'balances',
    events: accountEvents,
    initialState: () => ({ amounts: [] }),
    onFailure,
    on: {
      Deposited: async ({ amounts }, { payload, stream }) => {
        handled.push(`${stream.aggregateId} ${payload.amount}`);
        await systemRuntime.sleep(0);
        if (payload.amount === refused) throw new Error(`not ${payload.amount}`);
        return { amounts: [...amounts, payload.amount] };
      },
    },
    ...more,
  });

/** Changes the state that it is given, which a fold should not. */
const careless = () =>
  defineAggregateProjector<Balance & { amounts: number[] }, DecodedBy<typeof accountEvents>>({
    name: 'balances',
    events: accountEvents,
    initialState: () => ({ amounts: [] }),
    onFailure: () => ({ kind: 'FAIL' }),
    on: {
      Deposited: (state, { payload }) => {
        state.amounts.push(payload.amount);
        if (payload.amount === refused) throw new Error('too late');
        return state;
      },
    },
  });

const run = (
  projector: Pick<AggregateProjector<unknown>, 'work'>,
  projections: AggregateProjectorParts['projections'] = log.projections,
) => log.run(projector.work({ eventStore: log.store, projections, runtime: systemRuntime }));

const stateOf = async (id: string, minPosition?: bigint) => {
  const options = minPosition === undefined ? {} : { minPosition };
  const found = await balances().stateOf(log.projections, thing(id, 'Account'), options);
  return (
    found && { amounts: found.state.amounts, version: found.version, failed: found.failure !== undefined }
  );
};

describe('a projector of aggregates', () => {
  it('keeps a state and a version for each, over a first and a second run', async () => {
    await log.deposit('a', 1, 2);
    const last = await log.deposit('b', 3);
    const first = run(balances());
    await first.waitFor(last);
    await first.stop();
    expect(await stateOf('a')).toEqual({ amounts: [1, 2], version: 2n, failed: false });
    expect(await stateOf('b')).toEqual({ amounts: [3], version: 1n, failed: false });
    expect(await stateOf('c')).toBeUndefined();
    const next = await log.deposit('a', 4);
    run(balances());
    expect(await stateOf('a', next)).toEqual({ amounts: [1, 2, 4], version: 3n, failed: false });
    expect(handled.filter((one) => one === 'a 1').length).toBe(1);
  });

  it('is run by one of several that are started, and taken over by another', async () => {
    const runs = [run(balances()), run(balances())];
    const last = await log.deposit('a', 1, 2);
    await stateOf('a', last);
    expect(runs.map((one) => one.status().state).sort()).toEqual(['STANDBY', 'WORKING']);
    const working = runs.find((one) => one.status().state === 'WORKING');
    await working?.stop();
    const next = await log.deposit('a', 3);
    expect(await stateOf('a', next)).toEqual({ amounts: [1, 2, 3], version: 3n, failed: false });
    expect(handled).toEqual(['a 1', 'a 2', 'a 3']);
  });

  it('handles events of one in order, however many others there are', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `s-${index}`);
    let last = 0n;
    for (let amount = 20; amount < 30; amount++) for (const id of ids) last = await log.deposit(id, amount);
    await run(balances(undefined, { cachedAggregates: 7 })).ready;
    for (const id of ids)
      expect((await stateOf(id, last))?.amounts).toEqual(
        Array.from({ length: 10 }, (_, index) => 20 + index),
      );
  });

  it('handles nothing twice where an answer is lost, and all where nothing was saved', async () => {
    let calls = 0;
    const projections: Pick<Projections, 'load' | 'save'> = {
      load: log.projections.load.bind(log.projections),
      save: async (...[lease, save, options]: Parameters<Projections['save']>) => {
        calls += 1;
        if (calls === 1) throw new StoreUnavailableError('Away');
        await log.projections.save(lease, save, options);
        if (calls === 2) throw new StoreUnavailableError('The answer is lost');
      },
    };
    const last = await log.deposit('a', 1, 2);
    await run(balances(), projections).waitFor(last);
    expect(await stateOf('a')).toEqual({ amounts: [1, 2], version: 2n, failed: false });
    expect(handled).toEqual(['a 1', 'a 2', 'a 1', 'a 2']);
  });

  it('has no event twice in a state that a fold has changed, though it was not saved', async () => {
    let away = false;
    const projections: Pick<Projections, 'load' | 'save'> = {
      load: log.projections.load.bind(log.projections),
      save: async (...[lease, save, options]: Parameters<Projections['save']>) => {
        if (away) {
          away = false;
          throw new StoreUnavailableError('Away');
        }
        await log.projections.save(lease, save, options);
      },
    };
    const running = run(careless(), projections);
    await running.waitFor(await log.deposit('a', 1));
    away = true;
    await running.waitFor(await log.deposit('a', 2));
    expect(away).toBe(false);
    expect((await stateOf('a'))?.amounts).toEqual([1, 2]);
  });

  it('begins anew when it is reset', async () => {
    await log.deposit('a', 1);
    const last = await log.deposit('a', refused);
    await run(balances()).waitFor(last);
    refused = 0;
    await log.projections.reset({ name: 'balances' });
    await until(async () => (await stateOf('a'))?.version === 2n);
    expect(await stateOf('a')).toEqual({ amounts: [1, 13], version: 2n, failed: false });
  });

  it('keeps states that are too large for one save or one answer', async () => {
    const large = defineAggregateProjector({
      name: 'large',
      events: accountEvents,
      initialState: () => ({ text: '' }),
      on: { Deposited: ({ text }, { payload }) => ({ text: text.padEnd(payload.amount, 'x') }) },
      onFailure: () => ({ kind: 'FAIL' }),
    });
    const parts = { eventStore: log.store, projections: log.projections, runtime: systemRuntime };
    let last = 0n;
    for (const id of ['a', 'b', 'c', 'd', 'e']) last = await log.deposit(id, 1_500_000);
    const first = log.run(large.work(parts));
    await first.waitFor(last);
    await first.stop();
    for (const id of ['a', 'b', 'c', 'd', 'e']) last = await log.deposit(id, 1_600_000);
    last = await log.deposit('too-much', 1, 4_000_000, 2);
    await log.run(large.work(parts)).waitFor(last);
    const sizes = new Map<string, number | undefined>();
    for (const id of ['a', 'e', 'too-much'])
      sizes.set(id, (await large.stateOf(log.projections, thing(id, 'Account')))?.state.text.length);
    expect([...sizes.values()]).toEqual([1_600_000, 1_600_000, 0]);
    const { failures } = await log.projections.listFailedAggregates({ name: 'large' });
    expect(failures.map(({ error }) => error)).toEqual([
      expect.stringContaining('the limit of one aggregate'),
    ]);
  });
});

describe('an aggregate whose event fails', () => {
  it('stands still in front of it, and the others go on', async () => {
    await log.deposit('a', 1, 13, 2);
    await log.deposit('b', 3);
    const last = await log.deposit('a', 4);
    await run(balances()).waitFor(last);
    expect(await stateOf('a', last)).toEqual({ amounts: [1], version: 1n, failed: true });
    expect(await stateOf('b', last)).toEqual({ amounts: [3], version: 1n, failed: false });
    expect(await log.projections.get('balances')).toMatchObject({ status: 'RUNNING', failedAggregates: 1n });
    const { failures } = await log.projections.listFailedAggregates({ name: 'balances' });
    expect(failures).toMatchObject([
      { position: 2n, stream: thing('a', 'Account'), attempts: 1, error: 'Error: not 13' },
    ]);
    expect(failures[0]?.retryAt).toBeUndefined();
    expect(handled).not.toContain('a 2');
  });

  it('is tried again by the rule, and then catches up with what passed by', async () => {
    await log.deposit('a', 1, 13, 2);
    const running = run(balances((_error, _event, attempt) => ({ kind: 'RETRY', afterMs: 20 * attempt })));
    const last = await log.deposit('a', 4);
    await running.waitFor(last);
    await until(async () => {
      const { failures } = await log.projections.listFailedAggregates({ name: 'balances' });
      return (failures[0]?.attempts ?? 0) >= 2;
    });
    expect(await stateOf('a')).toEqual({ amounts: [1], version: 1n, failed: true });
    refused = 0;
    await until(async () => (await stateOf('a'))?.failed === false);
    expect(await stateOf('a')).toEqual({ amounts: [1, 13, 2, 4], version: 4n, failed: false });
    const next = await log.deposit('a', 5);
    expect((await stateOf('a', next))?.amounts).toEqual([1, 13, 2, 4, 5]);
  });

  it('is tried again by another run', async () => {
    const last = await log.deposit('a', 1, 13, 2);
    const first = run(balances(() => ({ kind: 'RETRY', afterMs: 50 })));
    await first.waitFor(last);
    await first.stop();
    refused = 0;
    run(balances());
    await until(async () => (await stateOf('a'))?.version === 3n);
    expect(await stateOf('a')).toEqual({ amounts: [1, 13, 2], version: 3n, failed: false });
  });

  it('is tried again by hand, or begun anew', async () => {
    await log.deposit('a', 1, 13, 2);
    const last = await log.deposit('b', 5, 13);
    await run(balances()).waitFor(last);
    refused = 0;
    const name = 'balances';
    expect(await log.projections.retryAggregates({ name, stream: thing('a', 'Account') })).toBe(1n);
    await until(async () => (await stateOf('a'))?.version === 3n);
    expect((await stateOf('b'))?.failed).toBe(true);
    handled.length = 0;
    expect(await log.projections.retryAggregates({ name, reset: true })).toBe(1n);
    await until(async () => (await stateOf('b'))?.version === 2n);
    expect(await stateOf('b')).toEqual({ amounts: [5, 13], version: 2n, failed: false });
    expect(handled).toEqual(['b 5', 'b 13']);
  });

  it('goes on without the event if the rule says so', async () => {
    const last = await log.deposit('a', 1, 13, 2);
    await run(balances(() => ({ kind: 'IGNORE' }))).waitFor(last);
    expect(await stateOf('a')).toEqual({ amounts: [1, 2], version: 3n, failed: false });
  });

  it('has the state from before it, though the fold changed what it was given', async () => {
    await log.deposit('a', 1, 2);
    const last = await log.deposit('a', 13, 3);
    await run(careless()).waitFor(last);
    expect(await stateOf('a')).toEqual({ amounts: [1, 2], version: 2n, failed: true });
  });

  it('catches up page by page with more than a thousand events, and is not seen ahead of the others', async () => {
    await log.deposit('a', 13);
    for (let times = 0; times < 2; times++)
      await log.deposit('a', ...Array.from({ length: 600 }, (_, index) => 100 + index));
    const last = await log.deposit('b', 1);
    await run(balances()).waitFor(last);
    refused = 0;
    await log.projections.retryAggregates({ name: 'balances' });
    await until(async () => (await stateOf('a'))?.failed === false);
    const found = await stateOf('a');
    expect(found?.amounts.length).toBe(1201);
    expect(found?.version).toBe(1201n);
    const next = await log.deposit('a', 7);
    expect((await stateOf('a', next))?.version).toBe(1202n);
  });

  it('is tried again with no more than what the projector selects', async () => {
    const filters = [{ metadata: [{ key: 'ours', operator: 'EQUAL' as const, values: ['yes'] }] }];
    const deposit = (amount: number, ours: string) => {
      const event = { ...accountEvents.encode('Deposited', { amount }), metadata: { ours } };
      return log.store.append({
        streams: [{ stream: thing('a', 'Account'), expectedVersion: 'ANY', events: [event] }],
      });
    };
    await deposit(13, 'yes');
    await deposit(1, 'no');
    const { lastPosition } = await deposit(2, 'yes');
    await run(balances(undefined, { from: { filters } })).waitFor(lastPosition);
    refused = 0;
    await log.projections.retryAggregates({ name: 'balances' });
    await until(async () => (await stateOf('a'))?.failed === false);
    expect(await stateOf('a')).toEqual({ amounts: [13, 2], version: 3n, failed: false });
  });
});
