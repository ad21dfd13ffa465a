import type { ChannelModel, SocketOptions } from 'amqplib';
import { MissingPackageError } from './relay-error.js';

/** Where a RabbitMQ is. */
export interface RabbitMqAddress {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…` for TLS. */
  readonly url: string;
  /**
   * Of Node's TLS: `ca`, `cert`, `key`, `servername` …, for brokers whose certificate is not of a public authority.
   * @default Node's, if the URL is of amqps
   */
  readonly tls?: Pick<
    SocketOptions,
    'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >;
}

/** Seconds between heartbeats, unless the URL says `?heartbeat=`: a dead broker is noticed after two. */
const HEARTBEAT_SECONDS = 15;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * One connection that is made when it is asked for, and again after it was lost. amqplib's own recovery is not used: what
 * was unconfirmed or unacknowledged when a connection broke has to be known to whoever goes on.
 */
export class RabbitMqConnection {
  readonly #address: RabbitMqAddress;
  readonly #name: string;
  #model: Promise<ChannelModel> | undefined;

  /** @param name what the broker's own console shows */
  constructor(address: RabbitMqAddress, name: string) {
    this.#address = address;
    this.#name = name;
  }

  /** Fails with what the broker said, and with `MissingPackageError`. */
  async get(): Promise<ChannelModel> {
    this.#model ??= this.#connect();
    return this.#model;
  }

  /** The next `get` makes another. What was sent may still arrive. */
  async drop(): Promise<void> {
    const model = this.#model;
    this.#model = undefined;
    await closed(model);
  }

  async #connect(): Promise<ChannelModel> {
    try {
      const { connect } = await amqplib();
      const model = await connect(withHeartbeat(this.#address.url), {
        ...this.#address.tls,
        noDelay: true,
        timeout: CONNECT_TIMEOUT_MS,
        clientProperties: { connection_name: this.#name },
      });
      const lost = () => {
        this.#model = undefined;
      };
      // Whoever waits for an answer over this connection learns of its end by that.
      model.on('error', lost);
      model.on('close', lost);
      return model;
    } catch (error) {
      this.#model = undefined;
      throw error;
    }
  }
}

/** Waits for the broker to agree to the end, but not for one that does not answer. */
async function closed(model: Promise<ChannelModel> | undefined): Promise<void> {
  const open = await model?.catch(() => undefined);
  if (open === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 1_000);
  });
  await Promise.race([open.close().catch(() => undefined), patience]);
  clearTimeout(timer);
}

function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
  return parsed.href;
}

/** Throws `MissingPackageError`. */
export async function amqplib(): Promise<typeof import('amqplib')> {
  try {
    return await import('amqplib');
  } catch (error) {
    throw new MissingPackageError(['amqplib'], error);
  }
}
