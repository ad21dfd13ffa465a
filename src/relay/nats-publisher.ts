import type { Event } from '../core/event.js';
import type { Runtime } from '../core/runtime.js';
import { systemRuntime } from '../system.js';
import { encodeEvent } from './encoding.js';
import { type JetStream, type NatsAddress, NatsLink } from './nats-connection.js';
import { ensureStream } from './nats-stream.js';
import { publishWindow } from './publish-window.js';
import {
  checkedInFlight,
  DEFAULT_CONFIRM_TIMEOUT_MS,
  DEFAULT_IN_FLIGHT,
  type EventPublisher,
  type PublishedFrom,
  type PublisherOptions,
} from './publisher.js';
import { PublishError } from './relay-error.js';
import { checkedPrefix, DEFAULT_PREFIX, topicOf } from './topic.js';

export const DEFAULT_STREAM = 'headwater';

export interface NatsPublisherOptions extends NatsAddress, PublisherOptions {
  /**
   * The JetStream stream. One that is not there is made, with the subjects `<prefix>.>`, on file, without limits, and with
   * ten minutes in which duplicates are dropped.
   * @default "headwater"
   */
  readonly stream?: string;
  /** @default the real one */
  readonly runtime?: Runtime;
}

/** What the server says where another message came in between. */
const WRONG_LAST_MESSAGE = 10_070;
/** Subject and headers count too. */
const HEADER_ROOM = 2_048;

/**
 * Publishes to a JetStream stream, acknowledged, by the subject `<prefix>.<AggregateType>.<EventType>`; the message id is the
 * event's, so the server drops what comes twice within the stream's duplicate window.
 *
 * Each message names the one before it, so that none is taken before the one in front of it is. Where others publish to the
 * same stream, that fails, and the rest of the batch goes one by one.
 */
export function natsPublisher(options: NatsPublisherOptions): EventPublisher {
  return new NatsPublisher(options);
}

class NatsPublisher implements EventPublisher {
  readonly #link: NatsLink;
  readonly #options: NatsPublisherOptions;
  readonly #prefix: string;
  readonly #inFlight: number;
  #ensured: JetStream | undefined;

  constructor(options: NatsPublisherOptions) {
    this.#options = options;
    this.#link = new NatsLink(options, 'headwater relay');
    this.#prefix = checkedPrefix(options.prefix ?? DEFAULT_PREFIX);
    this.#inFlight = checkedInFlight(options.inFlight ?? DEFAULT_IN_FLIGHT);
  }

  async publish(events: readonly Event[], from: PublishedFrom, signal: AbortSignal): Promise<void> {
    const { confirmTimeoutMs = DEFAULT_CONFIRM_TIMEOUT_MS, runtime = systemRuntime } = this.#options;
    const window = { confirmTimeoutMs, runtime };
    let confirmed = 0;
    try {
      const open = await this.#open();
      try {
        const send = (event: Event, index: number) =>
          this.#send(open, event, from, events[index - 1]?.eventId);
        return await publishWindow(events, send, { ...window, inFlight: this.#inFlight }, signal);
      } catch (error) {
        if (!(error instanceof PublishError) || !isWrongLastMessage(error.cause)) throw error;
        confirmed = error.confirmed;
      }
      const alone = (event: Event) => this.#send(open, event, from, undefined);
      await publishWindow(events.slice(confirmed), alone, { ...window, inFlight: 1 }, signal);
    } catch (error) {
      await this.close();
      if (!(error instanceof PublishError)) throw new PublishError(confirmed, error);
      throw confirmed === 0 ? error : new PublishError(confirmed + error.confirmed, error.cause);
    }
  }

  async close(): Promise<void> {
    this.#ensured = undefined;
    await this.#link.drop();
  }

  async #open(): Promise<JetStream> {
    const open = await this.#link.get();
    if (this.#ensured === open) return open;
    await ensureStream(open, this.#options.stream ?? DEFAULT_STREAM, this.#prefix);
    this.#ensured = open;
    return open;
  }

  async #send(
    { client, connection, headers }: JetStream,
    event: Event,
    { epoch }: PublishedFrom,
    before: string | undefined,
  ): Promise<void> {
    const { encoding = 'cloudevents', source = '/headwater', stream = DEFAULT_STREAM } = this.#options;
    const { contentType, body } = encodeEvent(event, encoding, { source, epoch });
    const most = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (body.byteLength + HEADER_ROOM > most)
      throw new RangeError(
        `Event ${event.eventId} at position ${event.position} takes ${body.byteLength} bytes, ` +
          `and the server's max_payload is ${most}: raise it`,
      );
    const heads = headers();
    heads.set('content-type', contentType);
    await client.publish(topicOf(this.#prefix, event), body, {
      msgID: event.eventId,
      headers: heads,
      // The window notices silence sooner, and drops the connection.
      timeout: 2 * (this.#options.confirmTimeoutMs ?? DEFAULT_CONFIRM_TIMEOUT_MS),
      retries: 1,
      expect: { streamName: stream, ...(before === undefined ? {} : { lastMsgID: before }) },
    });
  }
}

function isWrongLastMessage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === WRONG_LAST_MESSAGE;
}
