import { inject, afterAll, beforeAll, expect, it } from 'vitest';
import { startBus, startRelay } from '../../examples/relay.js';
import { type Connection, connect } from '../../src/index.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { startNatsServer } from '../support/nats-server.js';
import { until } from '../support/replicated-postgres.js';
import { openTestDatabase, type TestDatabase } from '../support/test-database.js';
import { shownButNotIn } from '../examples/shown.js';

let broker: CrashableBroker;
let database: TestDatabase;
let service: RunningService;
let connection: Connection;
beforeAll(async () => {
  broker = await startNatsServer();
  database = await openTestDatabase();
  service = await serve(['--namespace', database.schema], urlOf(inject('connection')));
  connection = connect({ address: service.address });
}, 60_000);
afterAll(async () => {
  connection?.close();
  await service?.kill('SIGTERM');
  await database?.close();
  await broker?.close();
});

it('docs/relay.md shows the example as it is tested', () => {
  expect(shownButNotIn('docs/relay.md', ['examples/relay.ts'])).toEqual([]);
});

it('the example relays orders, mails each once and drops them from the cache', async () => {
  const mailed: string[] = [];
  const cache = new Map([
    ['o-1', 'cached'],
    ['o-2', 'cached'],
  ]);
  const send = async (order: string) => {
    mailed.push(order);
  };
  const relaying = startRelay(connection, broker.url);
  await relaying.ready;
  const bus = startBus(broker.url, send, cache);
  // Handlers begin when they are ready, which the example does not wait for.
  let placed = 0;
  await until(async () => {
    placed += 1;
    const order = newEvent({ eventType: 'OrderPlaced' });
    await connection.eventStore.append(appendTo(thing(`o-${placed}`, 'Order'), order));
    cache.set(`o-${placed}`, 'cached');
    return mailed.length > 0 && cache.size < placed + 2;
  }, 'a mail, and an order dropped from the cache');
  await bus.close();
  await relaying.stop();
  expect(new Set(mailed).size).toBe(mailed.length);
}, 60_000);
