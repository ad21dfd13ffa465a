import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connect, type Connection } from '../../src/client/connect.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { headwater, serve, type RunningService, spawnHeadwater, urlOf } from '../support/headwater.js';
import { startNatsServer } from '../support/nats-server.js';
import { until } from '../support/replicated-postgres.js';
import { openTestDatabase, type TestDatabase } from '../support/test-database.js';

let broker: CrashableBroker;
let database: TestDatabase;
let service: RunningService;
let connection: Connection;
const relays: ChildProcess[] = [];

beforeAll(async () => {
  broker = await startNatsServer();
  database = await openTestDatabase();
  service = await serve(['--namespace', database.schema], urlOf(inject('connection')));
  connection = connect({ address: service.address });
}, 60_000);
afterAll(async () => {
  for (const relay of relays) relay.kill('SIGKILL');
  connection?.close();
  await service?.kill('SIGTERM');
  await database?.close();
  await broker?.close();
});

const SECRET = 'not-to-be-seen';

function startRelay(name: string) {
  const child = spawnHeadwater(
    ['relay', 'nats', '--address', service.address, '--name', name, '--jetstream', name, '--prefix', name],
    { env: { HEADWATER_NATS_URL: broker.url.replace('//', `//someone:${SECRET}@`) } },
  );
  relays.push(child);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { child, stderr: () => stderr };
}

async function fill(events: number): Promise<bigint> {
  const appended = await Promise.all(
    Array.from({ length: events }, (_, index) =>
      connection.eventStore.append({
        streams: [
          {
            stream: { aggregateType: 'Account', aggregateId: `a-${index % 7}` },
            expectedVersion: 'ANY',
            events: [{ eventType: 'Deposited', data: Buffer.from('{}'), contentType: 'application/json' }],
          },
        ],
      }),
    ),
  );
  return appended.reduce((last, { lastPosition }) => (lastPosition > last ? lastPosition : last), 0n);
}

async function messagesIn(stream: string): Promise<number> {
  const nats = await connectNats({ servers: broker.url });
  try {
    return (await (await jetstreamManager(nats)).streams.info(stream)).state.messages;
  } finally {
    await nats.close();
  }
}

describe('headwater relay', () => {
  it('hands over to the relay that stands by when it is killed, and loses nothing', async () => {
    const first = startRelay('handover');
    await until(() => first.stderr().includes('relay handover from'), 'the first relay');
    const before = await fill(500);
    await connection.projections.waitFor('handover', { position: before }, { timeoutMilliseconds: 30_000 });
    const second = startRelay('handover');
    await until(() => second.stderr().includes('standing by'), 'the standby');
    const filling = fill(2_000);
    first.child.kill('SIGKILL');
    const last = await filling;
    await connection.projections.waitFor('handover', { position: last }, { timeoutMilliseconds: 30_000 });
    expect(await messagesIn('handover')).toBe(2_500);
    second.child.kill('SIGTERM');
    const [code] = await once(second.child, 'exit');
    expect(code).toBe(0);
    expect(second.stderr()).toMatch(/events confirmed, position 2500/);
    expect(first.stderr() + second.stderr()).not.toContain(SECRET);
    // The lease is free again.
    expect((await connection.projections.get('handover')).live.runner).toBe('');
  }, 90_000);

  it('ends where the package that speaks to the broker is not installed', async () => {
    const inUrl = (module: string) => `data:text/javascript,${encodeURIComponent(module)}`;
    const hooks = inUrl(`export async function resolve(specifier, context, next) {
      if (/^(amqplib|@nats-io)/.test(specifier)) throw new Error('Cannot find package');
      return next(specifier, context);
    }`);
    const withoutPackages = inUrl(
      `import { register } from 'node:module'; register(${JSON.stringify(hooks)});`,
    );
    for (const [args, told] of [
      [['relay', 'rabbitmq', '--url', 'amqp://x'], 'The relay needs amqplib: npm install amqplib'],
      [['relay', 'nats', '--url', 'nats://x'], 'npm install @nats-io/transport-node @nats-io/jetstream'],
    ] as const) {
      const env = { NODE_OPTIONS: `--import=${withoutPackages}` };
      const result = await headwater([...args, '--address', service.address], { env });
      expect(result.code, result.stderr).toBe(1);
      expect(result.stderr).toContain(told);
      expect(result.stderr.trim().split('\n')).toHaveLength(1);
    }
  });

  it('refuses what it cannot do with one sentence that shows no secret', async () => {
    for (const [args, told] of [
      [['relay', 'nats'], 'Say where the broker is: --url, or HEADWATER_NATS_URL'],
      [
        ['relay', 'rabbitmq', '--url', `nats://u:${SECRET}@x`],
        "The broker's URL must begin with amqp:// or amqps://",
      ],
      [['relay', 'nats', '--url', 'nats://x', '--prefix', 'a b'], 'may have letters, digits, _ and -'],
      [['relay', 'nats', '--url', `nats://u:${SECRET}@[`], "The broker's URL is none"],
    ] as const) {
      const result = await headwater(args);
      expect(result.code, result.stderr).toBe(2);
      expect(result.stderr).toContain(told);
      expect(result.stderr).not.toContain(SECRET);
    }
  });
});
