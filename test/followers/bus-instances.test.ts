import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { aggregateType, type Connection, connect, EventBus, systemRuntime } from '../../src/index.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';
import { type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
let service: RunningService;
let connection: Connection;
beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  connection = connect({ address: service.address });
});
afterAll(async () => {
  connection?.close();
  await service?.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
  await database.close();
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(20);
}

it('handlers and workers go on at another instance when theirs is killed, and miss nothing', async () => {
  const mortal = await serve(['--namespace', namespace], urlOf(inject('connection')));
  const both = connect({ address: [mortal.address, service.address] });
  const bus = new EventBus({ ...both, runtime: systemRuntime });
  const handled = new Set<string>();
  const worked = new Set<string>();
  const handler = bus.addHandler(
    ({ stream }) => void handled.add(stream.aggregateId),
    aggregateType('Parcel'),
  );
  const worker = bus.addWorker(
    'parcels',
    ({ stream }) => void worked.add(stream.aggregateId),
    aggregateType('Parcel'),
  );
  try {
    await Promise.all([handler.ready, worker.ready]);
    const ids = Array.from({ length: 40 }, (_, n) => String(n));
    for (const id of ids) {
      await connection.eventStore.append(appendTo(thing(id, 'Parcel'), newEvent()));
      if (id === '20') await mortal.kill('SIGKILL');
    }
    await until(() => handled.size === 40 && worked.size === 40);
    expect(worker.stats.joined).toBeGreaterThan(1);
    expect(worker.stats.failed).toBe(0);
  } finally {
    await bus.close();
    both.close();
  }
});
