import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PositionNotReachedError } from '../../src/core/errors.js';
import type { NewEvent } from '../../src/core/event.js';
import { eventTypes } from '../../src/core/event-types.js';
import { ProjectionNotFoundError } from '../../src/core/follower-errors.js';
import { json } from '../../src/core/json-codec.js';
import type { EventSelection } from '../../src/core/selection.js';
import { defineProjector, stateOf } from '../../src/projections/projector.js';
import { emitting } from '../../src/projections/projector-emitting.js';
import { appendTo, newEvent } from '../../src/testing/builders.js';
import { accountEvents, type FollowedLog, followedLog, until } from './followed-log.js';

let log: FollowedLog;
beforeEach(() => {
  log = followedLog();
});
afterEach(() => log.stop());

const totals = defineProjector({
  name: 'totals',
  events: accountEvents,
  initialState: () => ({ sum: 0, positions: [] as string[] }),
  on: {
    Deposited: (state, { payload, position }) => ({
      sum: state.sum + payload.amount,
      positions: [...state.positions, String(position)],
    }),
  },
});

/** Remembers what it was given: type, aggregate and version. */
function seen(from: EventSelection) {
  return defineProjector({
    name: 'seen',
    from,
    initialState: (): string[] => [],
    on: {
      '*': (state, { eventType, stream, version }) => [
        ...state,
        `${eventType} ${stream.aggregateId}@${version}`,
      ],
    },
  });
}

async function append(aggregateType: string, aggregateId: string, ...eventTypes: string[]): Promise<bigint> {
  const events: NewEvent[] = eventTypes.map((eventType) => ({ eventType, data: new Uint8Array() }));
  const stream = { aggregateType, aggregateId };
  return (await log.store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] })).lastPosition;
}

async function seenBy(from: EventSelection): Promise<readonly string[]> {
  await append('Account', 'a', 'Opened', 'Deposited');
  await append('Account', 'b', 'Opened');
  await append('Order', 'c', 'Opened', 'Sent');
  await append('Account', 'a', 'Deposited');
  const projector = seen(from);
  const running = log.run(projector.work(log.projections));
  const last = await append('Account', 'b', 'Deposited');
  await running.waitFor(last);
  return (await projector.stateOf(log.projections)).state;
}

describe('a projector that is run', () => {
  it('gives all events to its handlers in order, old ones and new ones', async () => {
    await log.deposit('a', 1, 2);
    const running = log.run(totals.work(log.projections));
    await log.deposit('b', 3);
    const last = await log.deposit('a', 4, 5);
    await running.waitFor(last);
    const { state, position } = await totals.stateOf(log.projections, { minPosition: last });
    expect(state).toEqual({ sum: 15, positions: ['1', '2', '3', '4', '5'] });
    expect(position.position).toBe(last);
    expect(await stateOf(log.projections, 'totals')).toMatchObject({ state });
  });

  it('moves on over what it is not about', async () => {
    const running = log.run(totals.work(log.projections));
    const last = await append('Order', 'c', 'Sent', 'Sent');
    expect((await running.waitFor(last)).position).toBe(last);
    expect((await totals.stateOf(log.projections)).state).toEqual({ sum: 0, positions: [] });
  });

  it('begins at the end if that is wanted, and that end stays its beginning', async () => {
    await log.deposit('a', 1);
    const late = defineProjector({ ...totalsFrom('late'), start: { kind: 'END' } });
    const running = log.run(late.work(log.projections));
    await running.waitFor(1n);
    await running.stop();
    const last = await log.deposit('a', 2);
    await log.run(late.work(log.projections)).waitFor(last);
    expect((await late.stateOf(log.projections)).state).toEqual([2]);
  });
});

describe('a projector sees', () => {
  it('the whole log', async () => {
    expect(await seenBy({})).toEqual([
      'Opened a@1',
      'Deposited a@2',
      'Opened b@1',
      'Opened c@1',
      'Sent c@2',
      'Deposited a@3',
      'Deposited b@2',
    ]);
  });

  it('one stream', async () => {
    const stream = { aggregateType: 'Account', aggregateId: 'a' };
    expect(await seenBy({ scope: { kind: 'STREAM', stream } })).toEqual([
      'Opened a@1',
      'Deposited a@2',
      'Deposited a@3',
    ]);
  });

  it('several streams, in the order of the log', async () => {
    const streams = [
      { aggregateType: 'Order', aggregateId: 'c' },
      { aggregateType: 'Account', aggregateId: 'b' },
    ];
    expect(await seenBy({ scope: { kind: 'STREAMS', streams } })).toEqual([
      'Opened b@1',
      'Opened c@1',
      'Sent c@2',
      'Deposited b@2',
    ]);
  });

  it('a type of aggregates', async () => {
    expect(await seenBy({ scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } })).toEqual([
      'Opened c@1',
      'Sent c@2',
    ]);
  });

  it('event types and versions', async () => {
    const filters = [{ eventTypes: ['Deposited'], versions: { last: 2n } }];
    expect(await seenBy({ filters })).toEqual(['Deposited a@2', 'Deposited b@2']);
  });

  it('what the metadata says', async () => {
    await log.store.append(
      appendTo(
        { aggregateType: 'Account', aggregateId: 'd' },
        newEvent({ eventType: 'Opened', metadata: { tenant: 'north', level: '3' } }),
        newEvent({ eventType: 'Opened', metadata: { tenant: 'north', level: '1' } }),
        newEvent({ eventType: 'Opened', metadata: { tenant: 'south', level: '3' } }),
      ),
    );
    const metadata = [
      { key: 'tenant', operator: 'EQUAL', values: ['north'] },
      { key: 'level', operator: 'GREATER', kind: 'NUMBER', values: ['2'] },
    ] as const;
    expect(await seenBy({ filters: [{ metadata }] })).toEqual(['Opened d@1']);
  });

  it('without a filter, only the types that have handlers', () => {
    const on = { Deposited: (state: number) => state + 1, Withdrawn: (state: number) => state };
    const narrow = defineProjector({ name: 'narrow', initialState: () => 0, on });
    expect(narrow.work(log.projections).selection).toEqual({
      filters: [{ eventTypes: ['Deposited', 'Withdrawn'] }],
    });
    // By a registry a type may have had another name.
    expect(totals.work(log.projections).selection).toEqual({});
  });
});

describe('the handlers of a projector', () => {
  it('are found by type, with one for all others', async () => {
    const counts = defineProjector({
      name: 'counts',
      initialState: () => ({ opened: 0, others: 0 }),
      on: {
        Opened: (state) => ({ ...state, opened: state.opened + 1 }),
        '*': (state) => ({ ...state, others: state.others + 1 }),
      },
    });
    const last = await append('Account', 'a', 'Opened', 'Deposited', 'Closed');
    log.run(counts.work(log.projections));
    expect((await counts.stateOf(log.projections, { minPosition: last })).state).toEqual({
      opened: 1,
      others: 2,
    });
  });

  it('get what upcasters make of an event: the newest shape, several events, or none', async () => {
    const evolved = eventTypes({ unknown: 'pass' }).register('Deposited', {
      schemaVersion: 2,
      codec: json<{ cents: number }>(),
      upcasters: { 1: ({ amount }: { amount: number }) => ({ cents: amount * 100 }) },
    });
    const cents = defineProjector({
      name: 'cents',
      events: evolved,
      initialState: () => 0,
      on: { Deposited: (state, { payload }) => state + payload.cents },
    });
    const last = await log.deposit('a', 1, 2);
    log.run(cents.work(log.projections));
    expect((await cents.stateOf(log.projections, { minPosition: last })).state).toBe(300);
  });

  it('get an event without a payload only where they take all', async () => {
    await log.deposit('a', 1, 2);
    await log.store.eraseEvents({
      stream: { aggregateType: 'Account', aggregateId: 'a' },
      expectedVersion: 'ANY',
      versions: [{ first: 1n, last: 1n }],
    });
    const both = defineProjector({
      name: 'both',
      events: accountEvents,
      initialState: (): string[] => [],
      on: {
        Deposited: (state, { payload }) => [...state, `deposited ${payload.amount}`],
        '*': (state, { eventType, erased }) => [...state, `${eventType} ${erased ?? ''}`],
      },
    });
    const last = await log.deposit('a', 3);
    log.run(both.work(log.projections));
    expect((await both.stateOf(log.projections, { minPosition: last })).state).toEqual([
      'Deposited true',
      'deposited 2',
      '$events-erased ',
      'deposited 3',
    ]);
  });

  it('emit, once, however often the event is handled', async () => {
    let failures = 2;
    const echo = defineProjector({
      name: 'echo',
      events: accountEvents,
      initialState: () => 0,
      extension: emitting({ store: log.store, projection: 'echo', emits: ['Echo'] }),
      on: {
        Deposited: (state, event, context) => {
          context.emit(
            { aggregateType: 'Echo', aggregateId: event.stream.aggregateId },
            accountEvents.encode('Withdrawn', event.payload),
          );
          if (event.payload.amount === 2 && (failures -= 1) >= 0) throw new Error('once more');
          return state + 1;
        },
      },
    });
    await log.deposit('a', 1, 2, 3);
    const running = log.run(echo.work(log.projections), { onFailure: () => ({ kind: 'RETRY', afterMs: 1 }) });
    await running.waitFor(3n);
    const emitted = await log.store.getStream({ aggregateType: 'Echo', aggregateId: 'a' });
    expect(emitted.version).toBe(3n);
    await log.projections.reset({ name: 'echo', deleteEmitted: true });
    await until(async () => (await log.store.getStream(emitted.stream)).version === 7n);
  });
});

describe('a projector that is deleted', () => {
  it.each([
    { what: 'leaves what it emitted where it is, if nothing else is wanted', deleteEmitted: false },
    { what: 'has its runner delete what it emitted, and nothing else', deleteEmitted: true },
  ])('$what', async ({ deleteEmitted }) => {
    const copies = defineProjector({
      name: 'copies',
      events: accountEvents,
      initialState: () => 0,
      extension: emitting({ store: log.store, projection: 'copies', emits: ['Copy'] }),
      on: {
        Deposited: (state, { stream, payload }, { emit }) => {
          emit({ ...stream, aggregateType: 'Copy' }, accountEvents.encode('Withdrawn', payload));
          return state + 1;
        },
      },
    });
    const running = log.run(copies.work(log.projections));
    await running.waitFor(await log.deposit('a', 1, 2));
    // One that went on would make anew what is deleted at once.
    if (!deleteEmitted) await running.stop();
    expect(await log.projections.delete({ name: 'copies', deleteEmitted })).toBe(!deleteEmitted);
    expect(await running.ended).toEqual({});
    await expect(log.projections.get('copies')).rejects.toThrow(ProjectionNotFoundError);
    const there = async (aggregateType: string) =>
      (await log.store.getStream({ aggregateType, aggregateId: 'a' })).deletedAt === undefined;
    expect([await there('Copy'), await there('Account')]).toEqual([!deleteEmitted, true]);
  });
});

describe('the state of a projector', () => {
  it('is the initial one before the first event, and unknown before it was ever run', async () => {
    await expect(totals.stateOf(log.projections)).rejects.toThrow(ProjectionNotFoundError);
    const running = log.run(totals.work(log.projections));
    await running.ready;
    expect((await totals.stateOf(log.projections)).state).toEqual({ sum: 0, positions: [] });
    expect((await stateOf(log.projections, 'totals')).state).toBeUndefined();
  });

  it('is waited for, and not for ever', async () => {
    const running = log.run(totals.work(log.projections));
    await running.ready;
    await running.stop();
    const last = await log.deposit('a', 1);
    const waiting = totals.stateOf(log.projections, { minPosition: last, timeoutMilliseconds: 200 });
    await expect(waiting).rejects.toThrow(PositionNotReachedError);
  });

  it('that is too large is a failure that somebody is told of, and not tried for ever', async () => {
    const growing = defineProjector({
      name: 'growing',
      events: accountEvents,
      initialState: () => '',
      on: { Deposited: (state, { payload }) => state + 'x'.repeat(payload.amount) },
    });
    await log.deposit('a', 5 * 1024 * 1024);
    log.run(growing.work(log.projections));
    await until(async () => (await log.projections.get('growing')).status === 'FAILED');
    expect((await log.projections.get('growing')).live.failure?.error).toMatch(/bytes/);
  });
});

function totalsFrom(name: string) {
  return {
    name,
    events: accountEvents,
    initialState: (): number[] => [],
    on: {
      Deposited: (state: number[], { payload }: { readonly payload: { readonly amount: number } }) => [
        ...state,
        payload.amount,
      ],
    },
  };
}
