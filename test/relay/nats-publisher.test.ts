import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeEvent } from '../../src/relay/encoding.js';
import { natsPublisher } from '../../src/relay/nats-publisher.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { startNatsServer } from '../support/nats-server.js';
import { until } from '../support/replicated-postgres.js';
import { byStream, firstAppearances, source } from './relayed.js';

let broker: CrashableBroker;
beforeAll(async () => {
  broker = await startNatsServer();
});
afterAll(() => broker?.close());

interface Stored {
  readonly id: string;
  readonly subject: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

async function connected<T>(work: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: broker.url, reconnect: false });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** All messages of a stream, in its order. */
async function stored(stream: string): Promise<readonly Stored[]> {
  return connected(async (connection) => {
    const { state } = await (await jetstreamManager(connection)).streams.info(stream);
    if (state.messages === 0) return [];
    const consumer = await jetstream(connection).consumers.get(stream);
    const found: Stored[] = [];
    for await (const message of await consumer.fetch({ max_messages: state.messages, expires: 10_000 }))
      found.push({
        id: message.headers?.get('Nats-Msg-Id') ?? '',
        subject: message.subject,
        contentType: message.headers?.get('content-type') ?? '',
        body: new Uint8Array(message.data),
      });
    return found;
  });
}

describe('a relay to NATS JetStream', () => {
  it.each(['cloudevents', 'protobuf'] as const)('publishes every event in order, as %s', async (encoding) => {
    const { fill, all, run } = source();
    const stream = `all-${encoding}`;
    const last = await fill(300);
    const running = run(natsPublisher({ url: broker.url, stream, prefix: stream, encoding }));
    await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    await running.stop();
    const messages = await stored(stream);
    const events = await all();
    expect(messages.map(({ id }) => id)).toEqual(events.map(({ eventId }) => eventId));
    expect(messages.map((message) => decodeEvent(message))).toEqual(events);
    expect(new Set(messages.map(({ subject }) => subject))).toEqual(
      new Set([`${stream}.Account.Deposited`, `${stream}.Account.Withdrawn`]),
    );
  });

  it('stores an event once that is published again within the duplicate window', async () => {
    const { fill, all, run } = source();
    const last = await fill(50);
    for (const name of ['first', 'second']) {
      const running = run(natsPublisher({ url: broker.url, stream: 'twice', prefix: 'twice' }), { name });
      await running.waitFor(last, { timeoutMilliseconds: 20_000 });
      await running.stop();
    }
    expect((await stored('twice')).map(({ id }) => id)).toEqual((await all()).map(({ eventId }) => eventId));
  });

  it('shares a stream with others who publish there', async () => {
    const { fill, all, run } = source();
    const last = await fill(500);
    const publisher = natsPublisher({ url: broker.url, stream: 'shared', prefix: 'shared' });
    let done = false;
    const running = run(publisher);
    const other = connected(async (connection) => {
      while (!done)
        await jetstream(connection)
          .publish('shared.by.others', 'x')
          .catch(() => undefined);
    });
    try {
      await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    } finally {
      done = true;
      await other;
    }
    await running.stop();
    const messages = await stored('shared');
    const ours = messages.filter(({ subject }) => subject !== 'shared.by.others');
    expect(ours.length).toBeLessThan(messages.length);
    expect(ours.map(({ id }) => id)).toEqual((await all()).map(({ eventId }) => eventId));
  });

  it('says in the projection that an event is too large for the server', async () => {
    const { store, run, projections } = source('large');
    await store.append({
      streams: [
        {
          stream: { aggregateType: 'Account', aggregateId: 'large' },
          expectedVersion: 'ANY',
          events: [{ eventType: 'Scanned', data: new Uint8Array(1024 * 1024) }],
        },
      ],
    });
    const running = run(natsPublisher({ url: broker.url, stream: 'large', prefix: 'large' }));
    await until(
      async () =>
        (await projections.get('large')).live.failure?.error.includes('max_payload is 1048576') ?? false,
      'the failure',
    );
    await running.stop();
  });

  it('waits for the acknowledgement while the server is paused, and keeps no position before it comes', async () => {
    const { fill, all, run } = source();
    const first = await fill(20);
    const running = run(natsPublisher({ url: broker.url, stream: 'paused', prefix: 'paused' }));
    await running.waitFor(first, { timeoutMilliseconds: 20_000 });
    await broker.pause();
    try {
      const last = await fill(20);
      await expect(running.waitFor(last, { timeoutMilliseconds: 2_500 })).rejects.toThrow(/20/);
      broker.resume();
      await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    } finally {
      broker.resume();
    }
    await running.stop();
    expect((await stored('paused')).map(({ id }) => id)).toEqual((await all()).map(({ eventId }) => eventId));
  });

  it('loses nothing and keeps the order of streams when the server is killed and comes back', async () => {
    const { fill, all, run, projections } = source();
    const last = await fill(4_000);
    const running = run(natsPublisher({ url: broker.url, stream: 'killed', prefix: 'killed' }));
    await running.waitFor(1n, { timeoutMilliseconds: 20_000 });
    await broker.kill();
    expect((await projections.get('relay')).live.position.position).toBeLessThan(last);
    await broker.restart();
    await running.waitFor(last, { timeoutMilliseconds: 60_000 });
    await running.stop();
    const ids = (await stored('killed')).map(({ id }) => id);
    const events = await all();
    const expected = events.map(({ eventId }) => eventId);
    expect(new Set(ids)).toEqual(new Set(expected));
    expect(byStream(events, firstAppearances(ids))).toEqual(byStream(events, expected));
  }, 90_000);
});
