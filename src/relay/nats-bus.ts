import type { ConsumerConfig, JsMsg } from '@nats-io/jetstream';
import type { EventMatcher } from '../core/event-matcher.js';
import { type MessageSource, type OpenSource } from './broker-handler.js';
import { BrokerBus, type BrokerBusOptions } from './broker-bus.js';
import type { BrokerMessage, Deliveries } from './deliveries.js';
import { type JetStream, type NatsAddress, NatsLink } from './nats-connection.js';
import { DEFAULT_STREAM } from './nats-publisher.js';
import { ensureConsumer, ensureStream, nanos, renewConsumer } from './nats-stream.js';
import { MissedEventsError } from './relay-error.js';
import { checkedPrefix, coveringPattern, DEFAULT_PREFIX } from './topic.js';

export interface NatsBusOptions extends NatsAddress, BrokerBusOptions {
  /** That the relay publishes to; made if it is missing. @default "headwater" */
  readonly stream?: string;
  /** As the relay's. @default "headwater" */
  readonly prefix?: string;
}

/** The server hands a message out again that nothing was heard about for so long … */
const ACK_WAIT_MS = 10_000;
/** … so it is told so often of those that wait or are worked on. */
const WORKING_EVERY_MS = 3_000;
const HANDLER_EXPIRES_MS = 600_000;
/** Of one request for messages; the next follows at once. */
const FETCH_MS = 5_000;
/** Of all workers of a name together. */
const MOST_UNANSWERED = 20_000;

/**
 * The message bus over NATS JetStream, fed by a relay. A handler has a durable consumer of its own; the workers of a name
 * share the durable consumer of that name, and what they cannot handle goes to the subject `dead.<prefix>.<name>` in the
 * stream `<stream>_dead`, with the headers `headwater-reason` and `headwater-attempts`. A worker begins with what is
 * published after its consumer was made.
 *
 * @example
 * const bus = new NatsBus({ url: 'nats://localhost' });
 * bus.addWorker('mailer', (event) => mail(event), eventType('OrderPlaced'));
 */
export class NatsBus extends BrokerBus {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #prefix: string;

  constructor(options: NatsBusOptions) {
    super(options);
    this.#link = new NatsLink(options, 'headwater bus');
    this.#stream = options.stream ?? DEFAULT_STREAM;
    this.#prefix = checkedPrefix(options.prefix ?? DEFAULT_PREFIX);
  }

  protected override handlerSource(matchers: readonly EventMatcher[]): MessageSource {
    const newName = () => `handler-${this.runtime.newEventId()}`;
    const config = (durable: string) => ({
      ...this.#config(durable, matchers),
      max_ack_pending: this.prefetch,
      inactive_threshold: nanos(HANDLER_EXPIRES_MS),
    });
    let name = newName();
    return {
      open: async (deliveries, again) => {
        const open = await this.#link.get();
        await ensureStream(open, this.#stream, this.#prefix);
        if (!again) await ensureConsumer(open, this.#stream, config(name));
        else {
          const next = newName();
          if (!(await renewConsumer(open, this.#stream, name, config(next))))
            throw new MissedEventsError(`Consumer ${name} of stream ${this.#stream}`);
          name = next;
        }
        return this.#consume(open, name, deliveries, async () => {
          await open.manager.consumers.delete(this.#stream, name);
        });
      },
    };
  }

  protected override workerSource(name: string, matchers: readonly EventMatcher[]): MessageSource {
    return {
      open: async (deliveries) => {
        const open = await this.#link.get();
        await ensureStream(open, this.#stream, this.#prefix);
        await ensureStream(open, `${this.#stream}_dead`, `dead.${this.#prefix}`);
        await ensureConsumer(open, this.#stream, this.#config(name, matchers));
        return this.#consume(open, name, deliveries, async () => undefined);
      },
    };
  }

  protected override disconnect(): Promise<void> {
    return this.#link.drop();
  }

  #config(name: string, matchers: readonly EventMatcher[]): Partial<ConsumerConfig> {
    return {
      durable_name: name,
      ack_policy: 'explicit',
      ack_wait: nanos(ACK_WAIT_MS),
      // Counted here, so that what was handed out too often goes to the dead letters, and does not just stay away.
      max_deliver: -1,
      max_ack_pending: MOST_UNANSWERED,
      deliver_policy: 'new',
      filter_subject: coveringPattern(this.#prefix, matchers),
    };
  }

  async #consume(
    open: JetStream,
    name: string,
    deliveries: Pick<Deliveries, 'take' | 'waiting'>,
    remove: () => Promise<void>,
  ): Promise<OpenSource> {
    const consumer = await open.client.consumers.get(this.#stream, name);
    const unanswered = new Set<JsMsg>();
    const stopping = new AbortController();
    const { signal } = stopping;
    const heartbeat = setInterval(() => {
      for (const message of unanswered) message.working();
    }, WORKING_EVERY_MS);
    let room: (() => void) | undefined;
    signal.addEventListener('abort', () => room?.());
    const answered = (message: JsMsg) => {
      unanswered.delete(message);
      room?.();
    };
    // Only so many are asked for as there is room for: what waits in the client would be handed out again meanwhile.
    const fetching = (async () => {
      while (!signal.aborted) {
        const free = this.prefetch - unanswered.size;
        if (free <= 0) {
          await new Promise<void>((resolve) => {
            room = resolve;
          });
          continue;
        }
        const messages = await consumer.fetch({ max_messages: free, expires: FETCH_MS });
        const stop = () => messages.stop();
        signal.addEventListener('abort', stop);
        try {
          for await (const message of messages) {
            unanswered.add(message);
            deliveries.take(this.#toBrokerMessage(open, name, message, () => answered(message)));
          }
        } finally {
          signal.removeEventListener('abort', stop);
        }
      }
    })();
    const closed = open.connection.closed().then((error) => error ?? new Error('The connection was closed'));
    const fetched = fetching.then(
      () => new Promise<Error>(() => undefined),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    return {
      broken: Promise.race([closed, fetched]),
      cancel: async () => {
        stopping.abort();
        await Promise.race([fetching.catch(() => undefined), closed]);
      },
      close: async (forGood) => {
        stopping.abort();
        clearInterval(heartbeat);
        if (forGood) await remove();
        // Answers are sent without waiting; this one is behind them.
        if (!open.connection.isClosed()) await open.connection.flush();
      },
    };
  }

  #toBrokerMessage(open: JetStream, name: string, message: JsMsg, answered: () => void): BrokerMessage {
    const contentType = message.headers?.get('content-type') ?? '';
    return {
      body: message.data,
      contentType,
      deliveredBefore: message.info.deliveryCount - 1,
      ack: () => {
        message.ack();
        answered();
      },
      release: () => {
        message.nak();
        answered();
      },
      bury: async ({ reason, attempts }) => {
        const headers = open.headers();
        headers.set('content-type', contentType);
        headers.set('headwater-reason', reason.replaceAll(/[\r\n]+/g, ' '));
        headers.set('headwater-attempts', String(attempts));
        headers.set('headwater-topic', message.subject);
        await open.client.publish(`dead.${this.#prefix}.${name}`, message.data, {
          headers,
          msgID: `${name}:${message.seq}`,
        });
        message.ack();
        answered();
      },
    };
  }
}
