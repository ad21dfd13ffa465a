import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Event } from '../../../src/core/event.js';
import { defineProjector } from '../../../src/projections/projector.js';
import type { RunningProjection } from '../../../src/projections/projection-runner.js';
import type { ProjectionWork } from '../../../src/projections/projection-work.js';
import { defineReactor } from '../../../src/projections/reactor.js';
import { defineReadModel } from '../../../src/projections/read-model-projector.js';
import { defineAggregateProjector } from '../../../src/projections/aggregate-projector.js';
import { relay } from '../../../src/relay/relay.js';
import { systemRuntime } from '../../../src/system.js';
import { projectionsOn } from '../../postgres/projections/projections-on.js';
import { emptyLogs, type TestStore } from '../../support/test-database.js';
import { accountEvents, followed, type FollowedLog, until } from '../followed-log.js';
import { newPool } from './read-model-database.js';

const logs = emptyLogs({ subscriptions: { tail: { pollMilliseconds: 20 } } });
const pool = newPool(inject('connection'));
let test: TestStore;
let log: FollowedLog;
let handled: bigint[];

beforeEach(async () => {
  test = await logs.open();
  log = followed(test.store, projectionsOn(test, 1_500));
  handled = [];
});
afterEach(async () => {
  await log.stop();
  for (const schema of ['model', 'checkpoints'])
    await pool.query(`DROP SCHEMA IF EXISTS "${schema}_${test.schema}" CASCADE`);
  await test.close();
});
afterAll(async () => {
  await pool.end();
  await logs.close();
});

/** As after a fail-over: positions above that one had been read from a primary that is gone, others were given since. */
async function loseTail(above: bigint): Promise<void> {
  const { database, schema } = test;
  for (const statement of [
    `INSERT INTO "${schema}".epochs SELECT 2, ${above}, system_id + 1, timeline, now() FROM "${schema}".log_head`,
    `UPDATE "${schema}".log_head SET epoch = 2`,
  ])
    await database.query('append', statement, []);
}

const failureOf = (running: RunningProjection) =>
  running.status().generations.find(({ failure }) => failure)?.failure?.error ?? '';

const note = ({ position }: Pick<Event, 'position'>) => void handled.push(position);
const events = accountEvents;

const kinds: Record<string, () => ProjectionWork> = {
  'a projector of a state': () =>
    defineProjector({
      name: 'count',
      events,
      initialState: () => 0,
      on: {
        Deposited: (count, event) => {
          note(event);
          return count + 1;
        },
      },
    }).work(log.projections),
  'a projector of aggregates': () =>
    defineAggregateProjector({
      name: 'counts',
      events,
      initialState: () => 0,
      on: {
        Deposited: (count, event) => {
          note(event);
          return count + 1;
        },
      },
    }).work({ eventStore: test.store, projections: log.projections, runtime: systemRuntime }),
  'a reactor': () =>
    defineReactor({
      name: 'reacts',
      events,
      emits: ['Mail'],
      on: { Deposited: (event) => note(event) },
    }).work({
      eventStore: test.store,
      projections: log.projections,
      runtime: systemRuntime,
    }),
  'a relay': () =>
    relay({
      name: 'relay',
      leases: log.projections,
      publisher: {
        publish: (published) => {
          for (const event of published) note(event);
          return Promise.resolve();
        },
        close: () => Promise.resolve(),
      },
    }),
  'a read model': () =>
    defineReadModel({
      name: 'model',
      schema: `model_${test.schema}`,
      events,
      init: async (client) => void (await client.query('CREATE TABLE seen (position bigint)')),
      on: { Deposited: (_client, event) => note(event) },
    }).work(pool, { checkpointSchema: `checkpoints_${test.schema}` }),
};

describe.each(Object.entries(kinds))('%s that has handled what the log lost', (_, work) => {
  it('stands still while it runs, and where it begins again', async () => {
    const last = await log.deposit('a', 1, 2, 3, 4);
    const running = log.run(work());
    await running.waitFor(last);
    expect(handled).toEqual([1n, 2n, 3n, 4n]);
    await loseTail(2n);
    await until(() => failureOf(running).includes('agrees with that epoch only up to position 2'));
    await log.deposit('a', 5, 6);
    await running.stop();
    const next = log.run(work());
    await until(() => failureOf(next).includes('agrees with that epoch only up to position 2'));
    expect(handled).toEqual([1n, 2n, 3n, 4n]);
  });
});

describe('a projection that has only read ahead what the log lost', () => {
  it('reads again from where it stands, and goes on', async () => {
    const last = await log.deposit('a', 1, 2, 3, 4);
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = defineReactor({
      name: 'slow',
      events,
      emits: ['Mail'],
      on: {
        Deposited: async (event) => {
          note(event);
          await gate;
        },
      },
    }).work({ eventStore: test.store, projections: log.projections, runtime: systemRuntime });
    const running = log.run(slow, { batchEvents: 1 });
    await until(() => handled.length === 1 && test.store.followers === 1);
    await loseTail(2n);
    await until(() => test.store.followers === 0);
    letGo();
    await running.waitFor({ position: last, epoch: 2n });
    expect(handled).toEqual([1n, 2n, 3n, 4n]);
    expect(failureOf(running)).toBe('');
  });
});
