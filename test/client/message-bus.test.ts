import { afterAll, expect, it } from 'vitest';
import { aggregateType, eventType, EventBus, systemRuntime } from '../../src/index.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import { groupStorageOn } from '../postgres/groups/storage-on.js';
import { until } from '../projections/followed-log.js';
import { sharedServer } from '../support/shared-server.js';
import { emptyLogs } from '../support/test-database.js';

const logs = emptyLogs();
const server = sharedServer();
afterAll(async () => {
  await server.stop();
  await logs.close();
});

it('a bus over a connection: handlers get all that match, workers of a name share it', async () => {
  const test = await logs.open();
  const served = await server.serve(test.store, { groupStorage: groupStorageOn(test, { leaseMs: 2000 }) });
  const { eventStore, consumerGroups } = served.connection;
  const newBus = () => new EventBus({ eventStore, consumerGroups, runtime: systemRuntime });
  const buses = [newBus(), newBus()];
  const handled: string[] = [];
  // A member that stalls for a lease loses what it has to the other.
  const worked = new Set<string>();
  const running = buses.flatMap((bus) => [
    bus.addHandler(({ stream }) => void handled.push(stream.aggregateId), aggregateType('Order')),
    bus.addWorker('mailer', ({ stream }) => void worked.add(stream.aggregateId), eventType('Placed')),
  ]);
  await Promise.all(running.map(({ ready }) => ready));
  const ids = Array.from({ length: 20 }, (_, id) => String(id));
  for (const id of ids) {
    await eventStore.append(appendTo(thing(id, 'Order'), newEvent({ eventType: 'Placed' })));
    await eventStore.append(appendTo(thing(id, 'Other'), newEvent({ eventType: 'Moved' })));
  }
  await until(() => handled.length === 40 && worked.size === 20);
  expect([[...worked].toSorted(), handled.toSorted()]).toEqual([ids.toSorted(), [...ids, ...ids].toSorted()]);
  await Promise.all(buses.map((bus) => bus.close()));
  served.close();
  await test.close();
});
