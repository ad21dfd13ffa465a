import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { connect as connectRabbitMq } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/event.js';
import { aggregateType, eventType, matcher } from '../../src/core/event-matcher.js';
import type { BrokerBus, BrokerBusOptions } from '../../src/relay/broker-bus.js';
import { NatsBus } from '../../src/relay/nats-bus.js';
import { natsPublisher } from '../../src/relay/nats-publisher.js';
import type { EventPublisher } from '../../src/relay/publisher.js';
import { RabbitBus } from '../../src/relay/rabbit-bus.js';
import { rabbitMqPublisher } from '../../src/relay/rabbitmq-publisher.js';
import type { RelayEncoding } from '../../src/relay/encoding.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { startNatsServer } from '../support/nats-server.js';
import { startRabbitMq } from '../support/rabbitmq.js';
import { until } from '../support/replicated-postgres.js';
import { byStream, firstAppearances, source } from './relayed.js';

interface DeadLetter {
  readonly body: string;
  readonly reason: string;
  readonly attempts: number;
}

interface Kind {
  readonly name: string;
  readonly start: () => Promise<CrashableBroker>;
  readonly bus: (url: string, where: string, options?: BrokerBusOptions) => BrokerBus;
  readonly publisher: (url: string, where: string, encoding?: RelayEncoding) => EventPublisher;
  /** Publishes what is no event. */
  readonly garbage: (url: string, where: string) => Promise<void>;
  readonly deadLetters: (url: string, where: string, worker: string) => Promise<readonly DeadLetter[]>;
}

const KINDS: readonly Kind[] = [
  {
    name: 'RabbitMQ',
    start: () => startRabbitMq(),
    bus: (url, where, options) => new RabbitBus({ url, exchange: where, prefix: where, ...options }),
    publisher: (url, where, encoding) =>
      rabbitMqPublisher({ url, exchange: where, prefix: where, ...(encoding && { encoding }) }),
    garbage: async (url, where) => {
      const model = await connectRabbitMq(url);
      const channel = await model.createConfirmChannel();
      channel.publish(where, `${where}.Account.Deposited`, Buffer.from('garbage'), {
        contentType: 'text/plain',
      });
      await channel.waitForConfirms();
      await model.close();
    },
    deadLetters: async (url, where, worker) => {
      const model = await connectRabbitMq(url);
      const channel = await model.createChannel();
      const found: DeadLetter[] = [];
      for (;;) {
        const message = await channel.get(`${where}.${worker}.dead`, { noAck: true });
        if (message === false) break;
        const { headers } = message.properties;
        found.push({
          body: message.content.toString(),
          reason: String(headers?.['headwater-reason']),
          attempts: Number(headers?.['headwater-attempts']),
        });
      }
      await model.close();
      return found;
    },
  },
  {
    name: 'NATS JetStream',
    start: () => startNatsServer(),
    bus: (url, where, options) => new NatsBus({ url, stream: where, prefix: where, ...options }),
    publisher: (url, where, encoding) =>
      natsPublisher({ url, stream: where, prefix: where, ...(encoding && { encoding }) }),
    garbage: async (url, where) => {
      const connection = await connectNats({ servers: url });
      await jetstream(connection).publish(`${where}.Account.Deposited`, 'garbage');
      await connection.close();
    },
    deadLetters: async (url, where, worker) => {
      const connection = await connectNats({ servers: url });
      const { state } = await (await jetstreamManager(connection)).streams.info(`${where}_dead`);
      const found: DeadLetter[] = [];
      const consumer = await jetstream(connection).consumers.get(`${where}_dead`);
      if (state.messages > 0)
        for await (const message of await consumer.fetch({ max_messages: state.messages, expires: 5_000 }))
          if (message.subject === `dead.${where}.${worker}`)
            found.push({
              body: message.string(),
              reason: message.headers?.get('headwater-reason') ?? '',
              attempts: Number(message.headers?.get('headwater-attempts')),
            });
      await connection.close();
      return found;
    },
  },
];

const amountOf = ({ data }: Event) =>
  (JSON.parse(new TextDecoder().decode(data)) as { amount: number }).amount;
const idsOf = (events: readonly Event[]) => events.map(({ eventId }) => eventId);

describe.each(KINDS)('a bus over $name', ({ start, bus, publisher, garbage, deadLetters }) => {
  let broker: CrashableBroker;
  const open: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    broker = await start();
  }, 90_000);
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });
  afterAll(() => broker?.close());

  const opened = (where: string, options?: BrokerBusOptions) => {
    const one = bus(broker.url, where, options);
    open.push(one);
    return one;
  };
  const relayed = (where: string, encoding?: RelayEncoding) => {
    const { run, ...log } = source();
    const running = run(publisher(broker.url, where, encoding));
    open.push({ close: () => running.stop() });
    return { ...log, running };
  };

  it.each(['cloudevents', 'protobuf'] as const)(
    'gives every handler all events as they are, from %s',
    async (encoding) => {
      const { fill, all } = relayed(`each-${encoding}`, encoding);
      const seen: Event[][] = [[], []];
      const handlers = seen.map((list) =>
        opened(`each-${encoding}`).addHandler((event) => void list.push(event)),
      );
      await Promise.all(handlers.map(({ ready }) => ready));
      await fill(100);
      await until(() => seen.every(({ length }) => length >= 100), 'all events');
      const events = await all();
      // RabbitMQ's client gives Buffers.
      const plain = seen.map((list) => list.map((event) => ({ ...event, data: new Uint8Array(event.data) })));
      expect(plain).toEqual([events, events]);
    },
  );

  it('shares the work among the workers of a name, and keeps it while none is there', async () => {
    const { fill, all } = relayed('shared');
    const one = opened('shared');
    await one.addWorker('books', () => undefined).ready;
    await one.close();
    await fill(200);
    const seen: Event[][] = [[], []];
    for (const list of seen)
      opened('shared', { prefetch: 5 }).addWorker('books', async (event) => {
        list.push(event);
        await new Promise((resolve) => setTimeout(resolve, 5));
      });
    await until(() => seen.flat().length >= 200, 'all events');
    expect(new Set(idsOf(seen.flat()))).toEqual(new Set(idsOf(await all())));
    expect(seen.flat()).toHaveLength(200);
    for (const list of seen) expect(list.length).toBeGreaterThan(0);
  });

  it('handles the events of a stream one after the other, and different streams at the same time', async () => {
    const { fill, all } = relayed('lanes');
    const seen: Event[] = [];
    const busy = new Set<string>();
    let most = 0;
    const worker = opened('lanes').addWorker('books', {
      concurrency: 3,
      handle: async (event) => {
        const { aggregateId } = event.stream;
        expect(busy.has(aggregateId)).toBe(false);
        busy.add(aggregateId);
        most = Math.max(most, busy.size);
        await new Promise((resolve) => setTimeout(resolve, 3));
        busy.delete(aggregateId);
        seen.push(event);
      },
    });
    await worker.ready;
    await fill(100);
    await until(() => seen.length >= 100, 'all events');
    const events = await all();
    expect(byStream(events, idsOf(seen))).toEqual(byStream(events, idsOf(events)));
    expect(most).toBe(3);
  });

  it('gives only what a matcher matches', async () => {
    const { fill, all } = relayed('matched');
    const seen: Record<string, Event[]> = { types: [], both: [], other: [] };
    const one = opened('matched');
    const handlers = [
      one.addHandler((event) => void seen['types']?.push(event), eventType('Withdrawn')),
      one.addWorker(
        'both',
        (event) => void seen['both']?.push(event),
        matcher().eventType('Withdrawn').aggregateType('Account'),
        eventType('Deposited'),
      ),
      one.addHandler((event) => void seen['other']?.push(event), aggregateType('Order')),
    ];
    await Promise.all(handlers.map(({ ready }) => ready));
    await fill(30);
    await until(() => seen['both']?.length === 30 && seen['types']?.length === 10, 'all events');
    const events = await all();
    expect(idsOf(seen['types'] ?? [])).toEqual(
      idsOf(events.filter((event) => event.eventType === 'Withdrawn')),
    );
    expect(seen['other']).toEqual([]);
  });

  it('buries a message that cannot be handled after so many tries, and goes on with the others', async () => {
    const { fill } = relayed('poison');
    const handled: number[] = [];
    const attempts: number[] = [];
    const worker = opened('poison', { maxAttempts: 3, retryDelayMs: 10 }).addWorker(
      'books',
      (event, context) => {
        if (amountOf(event) === 7) {
          attempts.push(context.attempt);
          throw new Error('Seven is refused');
        }
        handled.push(amountOf(event));
      },
    );
    await worker.ready;
    await fill(20);
    await until(() => handled.length === 19 && attempts.length === 3, 'the others');
    let dead: readonly DeadLetter[] = [];
    await until(async () => {
      dead = [...dead, ...(await deadLetters(broker.url, 'poison', 'books'))];
      return dead.length > 0;
    }, 'the dead letter');
    expect(attempts).toEqual([1, 2, 3]);
    expect(dead).toEqual([
      { body: expect.stringContaining('"amount":7'), reason: 'Error: Seven is refused', attempts: 3 },
    ]);
  });

  it('buries what is no event', async () => {
    const { fill } = relayed('garbage');
    const handled: number[] = [];
    await opened('garbage').addWorker('books', (event) => void handled.push(amountOf(event))).ready;
    await fill(1);
    await until(() => handled.length === 1, 'the first event');
    await garbage(broker.url, 'garbage');
    await fill(1);
    await until(() => handled.length === 2, 'the second event');
    let dead: readonly DeadLetter[] = [];
    await until(async () => {
      dead = await deadLetters(broker.url, 'garbage', 'books');
      return dead.length > 0;
    }, 'the dead letter');
    expect(dead[0]).toMatchObject({ body: 'garbage' });
    expect(dead[0]?.reason).toContain('The message is no event');
  });

  it('ends a handler that cannot handle an event, or leaves the event out if that is asked for', async () => {
    const { fill } = relayed('ends');
    const handled: number[] = [];
    const handle = (event: Event) => {
      if (amountOf(event) === 2) throw new Error('Two is refused');
      handled.push(amountOf(event));
    };
    const one = opened('ends');
    const ends = one.addHandler({ handle, maxAttempts: 2, retryDelayMs: 1 });
    const skips = one.addHandler({
      handle: (event) => {
        if (amountOf(event) === 2) throw new Error('Two is refused');
        handled.push(100 + amountOf(event));
      },
      maxAttempts: 2,
      retryDelayMs: 1,
      onFailure: () => 'SKIP',
    });
    await Promise.all([ends.ready, skips.ready]);
    await fill(3);
    await expect(ends.ended).rejects.toThrow('Two is refused');
    await until(() => handled.includes(103), 'the event behind it');
    expect(handled.toSorted((a, b) => a - b)).toEqual([1, 101, 103]);
  });

  it('hands out again what a worker had when its connection broke, and misses nothing while the broker is down', async () => {
    const { fill, all } = relayed('broken');
    const started: string[] = [];
    const workers: string[] = [];
    const handlers: string[] = [];
    const one = opened('broken', { maxAttempts: 20 });
    const running = [
      one.addWorker('books', async (event, { signal }) => {
        started.push(event.eventId);
        // The first stays at work until it is told that its connection is gone.
        if (started.length === 1)
          await new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        workers.push(event.eventId);
      }),
      one.addHandler((event) => void handlers.push(event.eventId)),
    ];
    await Promise.all(running.map(({ ready }) => ready));
    await fill(50);
    await until(() => started.length > 0, 'the first event');
    await broker.settled();
    await broker.kill();
    await fill(50);
    await broker.restart();
    await until(() => new Set(workers).size >= 100 && new Set(handlers).size >= 100, 'all events', 60_000);
    const events = await all();
    expect(started.filter((id) => id === started[0]).length).toBeGreaterThan(1);
    expect(byStream(events, firstAppearances(handlers))).toEqual(byStream(events, idsOf(events)));
    expect(new Set(workers)).toEqual(new Set(idsOf(events)));
  }, 120_000);

  it('keeps the order over a break of what was handed to a handler and not begun', async () => {
    const { fill, all } = relayed('order');
    const seen: string[] = [];
    await opened('order').addHandler(async ({ eventId }) => {
      seen.push(eventId);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }).ready;
    await fill(100);
    await until(() => seen.length > 5, 'the first events');
    await broker.settled();
    await fill(60);
    await until(() => new Set(seen).size > 105, 'some of the others');
    await broker.kill();
    await fill(60);
    await broker.restart();
    await until(() => new Set(seen).size >= 220, 'all events', 60_000);
    expect(firstAppearances(seen)).toEqual(idsOf(await all()));
  }, 120_000);

  it('finishes what is under way when it is stopped, and leaves the rest for others', async () => {
    const { fill } = relayed('stopped');
    const finished: number[] = [];
    const one = opened('stopped');
    const worker = one.addWorker('books', {
      concurrency: 1,
      handle: async (event) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        finished.push(amountOf(event));
      },
    });
    await worker.ready;
    await fill(20);
    await until(() => finished.length > 0, 'the first event');
    await worker.stop();
    const soFar = finished.length;
    expect(soFar).toBeLessThan(20);
    one.addWorker('books', (event) => void finished.push(amountOf(event)));
    await until(() => new Set(finished).size === 20, 'the others');
    expect(finished.slice(0, soFar)).toEqual(Array.from({ length: soFar }, (_, index) => index + 1));
  });
});
