import { connect, type ChannelModel, type ConsumeMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeEvent } from '../../src/relay/encoding.js';
import { rabbitMqPublisher } from '../../src/relay/rabbitmq-publisher.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { startRabbitMq } from '../support/rabbitmq.js';
import { until } from '../support/replicated-postgres.js';
import { byStream, firstAppearances, source } from './relayed.js';

let broker: CrashableBroker;
beforeAll(async () => {
  broker = await startRabbitMq();
}, 90_000);
afterAll(() => broker?.close());

/** Binds a durable queue, and gives all that is in it once so many different messages are. */
async function queueOn(exchange: string, pattern: string) {
  const model = await connect(broker.url);
  const channel = await model.createChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  const queue = `${exchange}.${pattern}`;
  await channel.assertQueue(queue, { durable: true });
  await channel.bindQueue(queue, exchange, pattern);
  await model.close();
  return async (different: number): Promise<readonly ConsumeMessage[]> => {
    const found: ConsumeMessage[] = [];
    const reading = await connect(broker.url);
    await consumeAll(reading, queue, found);
    await until(
      () => new Set(found.map(({ properties }) => String(properties.messageId))).size >= different,
      `${different} messages in ${queue}`,
    );
    await reading.close();
    return found;
  };
}

async function consumeAll(model: ChannelModel, queue: string, found: ConsumeMessage[]): Promise<void> {
  const channel = await model.createChannel();
  await channel.consume(
    queue,
    (message) => {
      if (message !== null) found.push(message);
    },
    { noAck: true },
  );
}

const idsOf = (messages: readonly ConsumeMessage[]) =>
  messages.map(({ properties }) => String(properties.messageId));

describe('a relay to RabbitMQ', () => {
  it.each(['cloudevents', 'protobuf'] as const)('publishes every event in order, as %s', async (encoding) => {
    const { fill, all, run } = source();
    const received = await queueOn(`all-${encoding}`, '#');
    const last = await fill(300);
    const running = run(rabbitMqPublisher({ url: broker.url, exchange: `all-${encoding}`, encoding }));
    await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    const messages = await received(300);
    await running.stop();
    const events = await all();
    expect(idsOf(messages)).toEqual(events.map(({ eventId }) => eventId));
    expect(
      messages.map(({ content, properties }) =>
        decodeEvent({ contentType: String(properties.contentType), body: content }),
      ),
    ).toEqual(events.map((event) => ({ ...event, data: expect.any(Uint8Array) })));
    expect(messages[0]?.properties).toMatchObject({ deliveryMode: 2, type: 'Deposited', appId: 'headwater' });
    expect(new Set(messages.map(({ fields }) => fields.routingKey))).toEqual(
      new Set(['headwater.Account.Deposited', 'headwater.Account.Withdrawn']),
    );
  });

  it('publishes what is selected, with the prefix that is asked for', async () => {
    const { fill, run } = source();
    const received = await queueOn('selected', 'bank.Account.*');
    const last = await fill(30);
    const running = run(rabbitMqPublisher({ url: broker.url, exchange: 'selected', prefix: 'bank' }), {
      selection: { filters: [{ eventTypes: ['Withdrawn'] }] },
    });
    await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    const messages = await received(10);
    await running.stop();
    expect(messages.map(({ fields }) => fields.routingKey)).toEqual(
      Array.from({ length: 10 }, () => 'bank.Account.Withdrawn'),
    );
  });

  it('goes on where the one before it stopped', async () => {
    const { fill, all, run } = source();
    const received = await queueOn('resumed', '#');
    for (let round = 0; round < 2; round += 1) {
      const last = await fill(50);
      const running = run(rabbitMqPublisher({ url: broker.url, exchange: 'resumed' }));
      await running.waitFor(last, { timeoutMilliseconds: 20_000 });
      await running.stop();
    }
    expect(idsOf(await received(100))).toEqual((await all()).map(({ eventId }) => eventId));
  });

  it('waits for confirms while the broker is paused, and keeps no position before they come', async () => {
    const { fill, all, run } = source();
    const received = await queueOn('paused', '#');
    const first = await fill(20);
    const running = run(rabbitMqPublisher({ url: broker.url, exchange: 'paused' }));
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
    expect(idsOf(await received(40))).toEqual((await all()).map(({ eventId }) => eventId));
    await running.stop();
  });

  it('gives a silent connection up, and says so in the projection', async () => {
    const { fill, all, run, projections } = source('silent');
    const received = await queueOn('silent', '#');
    const running = run(rabbitMqPublisher({ url: broker.url, exchange: 'silent', confirmTimeoutMs: 500 }));
    await running.waitFor(await fill(1), { timeoutMilliseconds: 20_000 });
    await broker.pause();
    try {
      await fill(10);
      await until(async () => {
        const { live } = await projections.get('silent');
        return live.failure?.error.includes('Nothing was confirmed for 500 ms') ?? false;
      }, 'the failure');
    } finally {
      broker.resume();
    }
    const ids = idsOf(await received(11));
    expect(firstAppearances(ids)).toEqual((await all()).map(({ eventId }) => eventId));
    await running.stop();
  });

  it('loses nothing and keeps the order of streams when the broker is killed and comes back', async () => {
    const { fill, all, run, projections } = source();
    const received = await queueOn('killed', '#');
    const last = await fill(4_000);
    const running = run(rabbitMqPublisher({ url: broker.url, exchange: 'killed', confirmTimeoutMs: 5_000 }));
    await running.waitFor(1n, { timeoutMilliseconds: 20_000 });
    await broker.kill();
    expect((await projections.get('relay')).live.position.position).toBeLessThan(last);
    await broker.restart();
    await running.waitFor(last, { timeoutMilliseconds: 60_000 });
    const ids = idsOf(await received(4_000));
    await running.stop();
    const events = await all();
    const expected = events.map(({ eventId }) => eventId);
    expect(new Set(ids)).toEqual(new Set(expected));
    expect(byStream(events, firstAppearances(ids))).toEqual(byStream(events, expected));
  }, 120_000);
});
