import type { Channel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import type { EventMatcher } from '../core/event-matcher.js';
import type { MessageSource, OpenSource } from './broker-handler.js';
import { BrokerBus, type BrokerBusOptions } from './broker-bus.js';
import type { BrokerMessage, Deliveries } from './deliveries.js';
import { type RabbitMqAddress, RabbitMqConnection } from './rabbitmq-connection.js';
import { DEFAULT_EXCHANGE } from './rabbitmq-publisher.js';
import { MissedEventsError } from './relay-error.js';
import { checkedPrefix, DEFAULT_PREFIX, topicPatterns } from './topic.js';

export interface RabbitBusOptions extends RabbitMqAddress, BrokerBusOptions {
  /** That the relay publishes to. @default "headwater" */
  readonly exchange?: string;
  /** As the relay's. @default "headwater" */
  readonly prefix?: string;
}

const HANDLER_EXPIRES_MS = 600_000;
const OPEN_TIMEOUT_MS = 10_000;
const NOT_FOUND = 404;

/**
 * The message bus over RabbitMQ, fed by a relay. A handler has a queue of its own, `<exchange>.handler.<id>`; the workers of
 * a name share the quorum queue `<exchange>.<name>`, and what they cannot handle goes to `<exchange>.<name>.dead`, with the
 * headers `headwater-reason` and `headwater-attempts`. Bindings of a worker that change add to those that are there.
 *
 * @example
 * const bus = new RabbitBus({ url: 'amqp://localhost' });
 * bus.addWorker('mailer', (event) => mail(event), eventType('OrderPlaced'));
 */
export class RabbitBus extends BrokerBus {
  readonly #connection: RabbitMqConnection;
  readonly #exchange: string;
  readonly #prefix: string;

  constructor(options: RabbitBusOptions) {
    super(options);
    this.#connection = new RabbitMqConnection(options, 'headwater bus');
    this.#exchange = options.exchange ?? DEFAULT_EXCHANGE;
    this.#prefix = checkedPrefix(options.prefix ?? DEFAULT_PREFIX);
  }

  protected override handlerSource(matchers: readonly EventMatcher[]): MessageSource {
    const queue = `${this.#exchange}.handler.${this.runtime.newEventId()}`;
    return {
      open: (deliveries, again) =>
        this.#open(queue, matchers, deliveries, async (channel) => {
          if (again) await stillThere(channel, queue);
          // Not exclusive: such a queue goes with the connection, and what is published until the next one is lost.
          else await channel.assertQueue(queue, { durable: true, expires: HANDLER_EXPIRES_MS });
          return (open) => open.deleteQueue(queue);
        }),
    };
  }

  protected override workerSource(name: string, matchers: readonly EventMatcher[]): MessageSource {
    const queue = `${this.#exchange}.${name}`;
    return {
      open: (deliveries) =>
        this.#open(queue, matchers, deliveries, async (channel) => {
          const quorum = { 'x-queue-type': 'quorum' };
          await channel.assertQueue(deadLettersOf(queue), { durable: true, arguments: quorum });
          await channel.assertQueue(queue, {
            durable: true,
            arguments: quorum,
            // For what the broker itself gives up, by a limit of its own or a policy.
            deadLetterExchange: '',
            deadLetterRoutingKey: deadLettersOf(queue),
          });
          return undefined;
        }),
    };
  }

  protected override disconnect(): Promise<void> {
    return this.#connection.drop();
  }

  /** @param declare makes the queue, and gives what removes it */
  async #open(
    queue: string,
    matchers: readonly EventMatcher[],
    deliveries: Pick<Deliveries, 'take'>,
    declare: (channel: Channel) => Promise<((channel: Channel) => Promise<unknown>) | undefined>,
  ): Promise<OpenSource> {
    const model = await this.#connection.get();
    const channel = await model.createConfirmChannel();
    const broken = new Promise<Error>((resolve) => {
      channel.on('error', resolve);
      channel.on('close', () => resolve(new Error('The channel was closed')));
      channel.on('cancel', () => resolve(new Error(`Queue ${queue} was deleted`)));
    });
    let abandoned = false;
    const setUp = async (): Promise<OpenSource> => {
      await channel.assertExchange(this.#exchange, 'topic', { durable: true });
      const remove = await declare(channel);
      for (const pattern of topicPatterns(this.#prefix, matchers))
        await channel.bindQueue(queue, this.#exchange, pattern);
      await channel.prefetch(this.prefetch);
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message === null) channel.emit('cancel', { consumerTag: '' });
        else if (!abandoned) deliveries.take(toBrokerMessage(channel, queue, message));
      });
      return {
        broken,
        cancel: async () => {
          await channel.cancel(consumerTag);
        },
        close: async (forGood) => {
          if (forGood) await remove?.(channel);
          await channel.close();
        },
      };
    };
    // A quorum queue without a leader leaves the question unanswered, and the channel with it.
    const patience = new AbortController();
    const late = this.runtime.sleep(OPEN_TIMEOUT_MS, patience.signal).then(async () => {
      abandoned = true;
      await this.#connection.drop();
      throw new Error(`RabbitMQ did not answer for ${OPEN_TIMEOUT_MS} ms about queue ${queue}`);
    });
    late.catch(() => undefined);
    const ready = setUp();
    ready.catch(() => undefined);
    try {
      return await Promise.race([ready, late]);
    } finally {
      patience.abort();
    }
  }
}

function deadLettersOf(queue: string): string {
  return `${queue}.dead`;
}

async function stillThere(channel: Channel, queue: string): Promise<void> {
  try {
    await channel.checkQueue(queue);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === NOT_FOUND)
      throw new MissedEventsError(`Queue ${queue}`, { cause: error });
    throw error;
  }
}

function toBrokerMessage(channel: ConfirmChannel, queue: string, message: ConsumeMessage): BrokerMessage {
  const { content, fields, properties } = message;
  return {
    body: content,
    contentType: String(properties.contentType ?? ''),
    deliveredBefore: deliveredBefore(message),
    ack: () => channel.ack(message),
    release: () => channel.nack(message, false, true),
    bury: async ({ reason, attempts }) => {
      const options: Options.Publish = {
        persistent: true,
        messageId: properties.messageId as string,
        contentType: properties.contentType as string,
        type: properties.type as string,
        headers: {
          ...properties.headers,
          'headwater-reason': reason,
          'headwater-attempts': attempts,
          'headwater-topic': fields.routingKey,
        },
      };
      await new Promise<void>((resolve, reject) => {
        channel.sendToQueue(deadLettersOf(queue), content, options, (error: unknown) => {
          if (error) reject(error instanceof Error ? error : new Error('The dead letters were refused'));
          else resolve();
        });
      });
      channel.ack(message);
    },
  };
}

/** Quorum queues count; from RabbitMQ 4 on the second counts what died with its consumer too. */
function deliveredBefore({ properties: { headers } }: ConsumeMessage): number {
  const counts = ['x-delivery-count', 'x-acquired-count'].map((name) => Number(headers?.[name] ?? 0));
  return Math.max(...counts);
}
