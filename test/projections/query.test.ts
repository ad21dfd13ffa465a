import { beforeEach, describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/core/event-store.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import type { Filter } from '../../src/core/filter.js';
import type { LoadRequest } from '../../src/core/load.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { query } from '../../src/projections/query.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, eventId, newEvent, thing } from '../../src/testing/builders.js';

const types = eventTypes({ unknown: 'pass' })
  .register('Deposited', { codec: json<{ amount: number }>() })
  .register('Withdrawn', { codec: json<{ amount: number }>() });

let store: EventStore;
beforeEach(async () => {
  store = createMemoryEventStore({ runtime: systemRuntime });
  for (const [index, amount] of [10, 20, 30].entries())
    await store.append(
      appendTo(thing(index % 2 === 0 ? 'even' : 'odd'), types.encode('Deposited', { amount })),
    );
  await store.append(appendTo(thing('even'), types.encode('Withdrawn', { amount: 5 })));
  await store.append(appendTo(thing('else', 'Other'), newEvent({ eventType: 'Noted' })));
});

describe('a query', () => {
  it('folds what is in the log into a state, each event by the fold for its type', async () => {
    const balance = await query(store, {
      events: types,
      initialState: 0,
      on: {
        Deposited: (sum, { payload }) => sum + payload.amount,
        Withdrawn: (sum, { payload }) => sum - payload.amount,
      },
    });
    expect(balance).toBe(55);
  });

  it('of one stream folds that, and by types, versions and metadata what matches', async () => {
    const seenBy = (filter?: Filter, aggregateId = 'even') =>
      query(store, {
        from: {
          scope: { kind: 'STREAM', stream: thing(aggregateId) },
          ...(filter && { filters: [filter] }),
        },
        initialState: [] as string[],
        on: { '*': (all, { eventType, version }) => [...all, `${eventType}@${version}`] },
      });
    expect(await seenBy()).toEqual(['Deposited@1', 'Deposited@2', 'Withdrawn@3']);
    expect(await seenBy({ eventTypes: ['Deposited'], versions: { first: 2n } })).toEqual(['Deposited@2']);
    const marked = newEvent({ eventType: 'Noted', metadata: { tenant: 'north' } });
    await store.append(appendTo(thing('even'), marked));
    const metadata = [{ key: 'tenant', operator: 'EQUAL', values: ['north'] }] as const;
    expect(await seenBy({ metadata })).toEqual(['Noted@4']);
    expect(await seenBy({ metadata }, 'odd')).toEqual([]);
  });

  it('that is asked again begins anew, and has what came meanwhile', async () => {
    const sum = () =>
      query(store, {
        from: { scope: { kind: 'STREAMS', streams: [thing('odd'), thing('even')] } },
        events: types,
        initialState: 0,
        on: { Deposited: (all, { payload }) => all + payload.amount },
      });
    expect(await sum()).toBe(60);
    await store.append(appendTo(thing('odd'), types.encode('Deposited', { amount: 40 })));
    expect(await sum()).toBe(100);
  });

  it('of several streams folds them in the order of the log', async () => {
    const seen = await query(store, {
      from: { scope: { kind: 'STREAMS', streams: [thing('odd'), thing('even')] } },
      events: types,
      initialState: [] as number[],
      on: { Deposited: (all, { payload }) => [...all, payload.amount] },
    });
    expect(seen).toEqual([10, 20, 30]);
  });

  it('of aggregate types gives what has no fold of its own to the one for all', async () => {
    const seen = await query(store, {
      from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Other', 'Thing'] } },
      events: types,
      initialState: { deposits: 0, others: [] as string[] },
      on: {
        Deposited: (state) => ({ ...state, deposits: state.deposits + 1 }),
        '*': (state, { eventType }) => ({ ...state, others: [...state.others, eventType] }),
      },
    });
    expect(seen).toEqual({ deposits: 3, others: ['Withdrawn', 'Noted'] });
  });

  it('gives erased events and those of the store itself to the fold for all only', async () => {
    const { version } = await store.eraseEvents({
      stream: thing('odd'),
      expectedVersion: 1n,
      versions: [{ first: 1n, last: 1n }],
    });
    expect(version).toBe(2n);
    const seen = await query(store, {
      from: { scope: { kind: 'STREAM', stream: thing('odd') } },
      initialState: [] as string[],
      on: { Deposited: (all) => [...all, 'own'], '*': (all, event) => [...all, event.eventType] },
    });
    expect(seen).toEqual(['Deposited', '$events-erased']);
  });

  it('folds at most as many events as it is told, newest first if it is told', async () => {
    const last = await query(store, {
      from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Thing'] } },
      direction: 'BACKWARDS',
      limit: 2n,
      initialState: [] as string[],
      on: { '*': async (all, { eventType }) => [...all, eventType] },
    });
    expect(last).toEqual(['Withdrawn', 'Deposited']);
    const counted = { limit: 4n, initialState: 0, on: { Noted: (sum: number) => sum + 1 } };
    expect(await query(store, counted)).toBe(0);
  });

  it('asks the store only for types that it folds, where it knows them', async () => {
    const asked: LoadRequest[] = [];
    const listening = {
      load: (request: LoadRequest) => {
        asked.push(request);
        return store.load(request);
      },
    };
    expect(await query(listening, { initialState: 0, on: { Noted: (sum) => sum + 1 } })).toBe(1);
    await query(listening, { initialState: 0, on: { '*': (sum) => sum + 1 } });
    expect(asked.map(({ filters }) => filters)).toEqual([[{ eventTypes: ['Noted'] }], undefined]);
  });

  it('fails with what a fold throws, and when it is aborted', async () => {
    const failing = query(store, {
      initialState: 0,
      on: {
        Noted: () => {
          throw new RangeError('too much');
        },
      },
    });
    await expect(failing).rejects.toThrow(new RangeError('too much'));
    const controller = new AbortController();
    const aborted = query(store, {
      initialState: 0,
      signal: controller.signal,
      on: {
        '*': (sum) => {
          controller.abort(new Error('enough'));
          return sum;
        },
      },
    });
    await expect(aborted).rejects.toThrow('enough');
  });

  it('of one stream that does not exist fails, of several without events gives the initial state', async () => {
    const from = { scope: { kind: 'STREAM', stream: thing('none') } } as const;
    await expect(query(store, { from, initialState: 0, on: {} })).rejects.toMatchObject({
      reason: 'STREAM_NOT_FOUND',
    });
    const filters = [{ tags: [`none:${eventId(1)}`] }];
    expect(await query(store, { from: { filters }, initialState: 7, on: {} })).toBe(7);
  });
});
