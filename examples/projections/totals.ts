// A projector whose state the service keeps; reads what it has just written. Needs a running service.
import {
  connect,
  defineProjector,
  eventTypes,
  json,
  type RunProjectionOptions,
  runProjection,
  systemRuntime,
} from '../../src/index.js';

export const accountEvents = eventTypes()
  .register('AccountOpened', { codec: json<{ owner: string }>() })
  .register('Deposited', { codec: json<{ amount: number }>() });

/** What each account has been given. */
export const totals = defineProjector({
  name: 'totals',
  from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } },
  events: accountEvents,
  initialState: (): Record<string, number> => ({}),
  on: {
    Deposited: (sums, { stream, payload }) => {
      sums[stream.aggregateId] = (sums[stream.aggregateId] ?? 0) + payload.amount;
      return sums;
    },
  },
});

export async function runTotals(address: string, print: (line: string) => void): Promise<void> {
  const { eventStore, projections, close } = connect({ address });
  const running = runProjection(
    { eventStore, projections, runtime: systemRuntime },
    totals.work(projections),
  );
  await running.ready;

  const stream = { aggregateType: 'Account', aggregateId: crypto.randomUUID() };
  const events = [
    accountEvents.encode('AccountOpened', { owner: 'ada' }),
    accountEvents.encode('Deposited', { amount: 100 }),
    accountEvents.encode('Deposited', { amount: 20 }),
  ];
  const { lastPosition } = await eventStore.append({
    streams: [{ stream, expectedVersion: 'NO_STREAM', events }],
  });

  // Waits until that is in the state, wherever the projector runs.
  const { state } = await totals.stateOf(projections, { minPosition: lastPosition });
  print(`was given ${state[stream.aggregateId]}`);

  await running.stop();
  close();
}

/** Three tries; then what is of a test account is left out, and anything else is for a person to look at. */
export const patient: RunProjectionOptions = {
  onFailure: (_error, event, attempt) => {
    if (attempt < 3) return { kind: 'RETRY' };
    return event.metadata['test'] === 'true' ? { kind: 'IGNORE' } : { kind: 'FAIL' };
  },
};
