// A state for each account, an index of links, and a question that is asked once. Needs a running service.
import {
  connect,
  defineAggregateProjector,
  defineProjector,
  emitting,
  type EventStore,
  query,
  resolveLinks,
  runProjection,
  systemRuntime,
} from '../../src/index.js';
import { accountEvents } from './totals.js';

const from = { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } } as const;

/** One account that fails does not stop the others. */
export const standings = defineAggregateProjector({
  name: 'standings',
  from,
  events: accountEvents,
  initialState: () => ({ owner: '', amount: 0 }),
  on: {
    AccountOpened: (state, { payload }) => ({ ...state, owner: payload.owner }),
    Deposited: (state, { payload }) => ({ ...state, amount: state.amount + payload.amount }),
  },
  onFailure: (_error, _event, attempt) =>
    attempt < 5 ? { kind: 'RETRY', afterMs: 1_000 * attempt } : { kind: 'FAIL' },
});

/** All large deposits in one stream, as links. */
export const largeDeposits = (eventStore: EventStore) =>
  defineProjector({
    name: 'large-deposits',
    from,
    events: accountEvents,
    initialState: () => ({ count: 0 }),
    extension: emitting({ store: eventStore, projection: 'large-deposits', emits: ['LargeDeposits'] }),
    on: {
      Deposited: ({ count }, { payload }, { event, linkTo }) => {
        if (payload.amount < 100) return { count };
        linkTo({ aggregateType: 'LargeDeposits', aggregateId: 'all' }, event);
        return { count: count + 1 };
      },
    },
  });

export async function runEachAccount(address: string, print: (line: string) => void): Promise<void> {
  const { eventStore, projections, close } = connect({ address });
  const parts = { eventStore, projections, runtime: systemRuntime };
  const running = [
    runProjection(parts, standings.work(parts)),
    runProjection(parts, largeDeposits(eventStore).work(projections)),
  ];
  await Promise.all(running.map(({ ready }) => ready));

  const stream = { aggregateType: 'Account', aggregateId: 'of-each' };
  const events = [
    accountEvents.encode('AccountOpened', { owner: 'grace' }),
    accountEvents.encode('Deposited', { amount: 5_000 }),
    accountEvents.encode('Deposited', { amount: 20 }),
  ];
  const { lastPosition } = await eventStore.append({
    streams: [{ stream, expectedVersion: 'NO_STREAM', events }],
  });

  const standing = await standings.stateOf(projections, stream, { minPosition: lastPosition });
  print(`${standing?.state.owner} has ${standing?.state.amount} at version ${standing?.version}`);

  await projections.waitFor('large-deposits', { position: lastPosition });
  const all = { aggregateType: 'LargeDeposits', aggregateId: 'all' };
  for await (const page of eventStore.load({ scope: { kind: 'STREAM', stream: all } }))
    for (const event of await resolveLinks(eventStore, page.events))
      print(`${event.eventType} of ${event.stream.aggregateId}, version ${event.version}`);

  print(`the account was given ${await sumOf(eventStore, 'of-each')}`);
  for (const one of running) await one.stop();
  close();
}

/** Asked once, and kept nowhere. */
export const sumOf = (eventStore: EventStore, account: string): Promise<number> =>
  query(eventStore, {
    from: { scope: { kind: 'STREAM', stream: { aggregateType: 'Account', aggregateId: account } } },
    events: accountEvents,
    initialState: 0,
    on: { Deposited: (sum, { payload }) => sum + payload.amount },
  });
