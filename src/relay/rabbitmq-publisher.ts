import type { ConfirmChannel } from 'amqplib';
import type { Event } from '../core/event.js';
import type { Runtime } from '../core/runtime.js';
import { systemRuntime } from '../system.js';
import { encodeEvent } from './encoding.js';
import { publishWindow } from './publish-window.js';
import {
  checkedInFlight,
  DEFAULT_CONFIRM_TIMEOUT_MS,
  DEFAULT_IN_FLIGHT,
  type EventPublisher,
  type PublishedFrom,
  type PublisherOptions,
} from './publisher.js';
import { type RabbitMqAddress, RabbitMqConnection } from './rabbitmq-connection.js';
import { PublishError } from './relay-error.js';
import { checkedPrefix, DEFAULT_PREFIX, topicOf } from './topic.js';

export const DEFAULT_EXCHANGE = 'headwater';

export interface RabbitMqPublisherOptions extends RabbitMqAddress, PublisherOptions {
  /**
   * The topic exchange, which is declared as durable.
   * @default "headwater"
   */
  readonly exchange?: string;
  /** @default the real one */
  readonly runtime?: Runtime;
}

/**
 * Publishes to a topic exchange, persistent and confirmed, by the routing key `<prefix>.<AggregateType>.<EventType>`; the
 * message id is the event's. RabbitMQ drops no duplicates by itself: consumers compare message ids.
 *
 * Messages are not `mandatory`: an event for which no queue is bound is confirmed and gone, as is meant with a topic
 * exchange. Declare and bind queues before the relay runs, or give the exchange an alternate one.
 */
export function rabbitMqPublisher(options: RabbitMqPublisherOptions): EventPublisher {
  return new RabbitMqPublisher(options);
}

class RabbitMqPublisher implements EventPublisher {
  readonly #connection: RabbitMqConnection;
  readonly #options: RabbitMqPublisherOptions;
  readonly #prefix: string;
  readonly #inFlight: number;
  #channel: ConfirmChannel | undefined;

  constructor(options: RabbitMqPublisherOptions) {
    this.#options = options;
    this.#connection = new RabbitMqConnection(options, 'headwater relay');
    this.#prefix = checkedPrefix(options.prefix ?? DEFAULT_PREFIX);
    this.#inFlight = checkedInFlight(options.inFlight ?? DEFAULT_IN_FLIGHT);
  }

  async publish(events: readonly Event[], from: PublishedFrom, signal: AbortSignal): Promise<void> {
    const {
      encoding = 'cloudevents',
      exchange = DEFAULT_EXCHANGE,
      source = '/headwater',
      confirmTimeoutMs = DEFAULT_CONFIRM_TIMEOUT_MS,
      runtime = systemRuntime,
    } = this.#options;
    try {
      const channel = await this.#open(exchange);
      const send = (event: Event) => {
        const { contentType, body } = encodeEvent(event, encoding, { source, epoch: from.epoch });
        return new Promise<void>((resolve, reject) => {
          channel.publish(
            exchange,
            topicOf(this.#prefix, event),
            Buffer.from(body.buffer, body.byteOffset, body.byteLength),
            {
              persistent: true,
              messageId: event.eventId,
              contentType,
              type: event.eventType,
              appId: 'headwater',
              timestamp: Number(event.recordedAt / 1_000_000n),
            },
            (error: unknown) => {
              if (error) reject(error instanceof Error ? error : new Error('The broker refused the message'));
              else resolve();
            },
          );
        });
      };
      await publishWindow(events, send, { inFlight: this.#inFlight, confirmTimeoutMs, runtime }, signal);
    } catch (error) {
      await this.close();
      throw error instanceof PublishError ? error : new PublishError(0, error);
    }
  }

  async close(): Promise<void> {
    this.#channel = undefined;
    await this.#connection.drop();
  }

  async #open(exchange: string): Promise<ConfirmChannel> {
    if (this.#channel !== undefined) return this.#channel;
    const model = await this.#connection.get();
    const channel = await model.createConfirmChannel();
    const gone = () => {
      if (this.#channel === channel) this.#channel = undefined;
    };
    channel.on('error', gone);
    channel.on('close', gone);
    await channel.assertExchange(exchange, 'topic', { durable: true });
    this.#channel = channel;
    return channel;
  }
}
