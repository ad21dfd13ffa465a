import { type ChannelOptions, Client, credentials, type Interceptor, InterceptingCall } from '@grpc/grpc-js';
import { NAMESPACE_HEADER } from '../wire/namespace.js';
import { PRINCIPAL_HEADER } from '../wire/principal.js';

const OPTIONS: ChannelOptions = {
  // What the service sends has 3.5 MiB at most.
  'grpc.max_receive_message_length': 6 * 1024 * 1024,
  // A dead peer is noticed after 40 seconds.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Retries are ours: with the same ids, or from the position that was reached.
  'grpc.enable_retries': 0,
  // A connection of its own, not shared with other clients in the process.
  'grpc.use_local_subchannel_pool': 1,
};

/** A channel to each address; one is in use until it fails, then the next. */
export class Channels {
  readonly #clients: readonly Client[];
  /** Which is in use, for all namespaces. */
  readonly #use: { index: number };

  /** Headers of every call. */
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(
    clients: readonly Client[],
    use: { index: number },
    headers: Readonly<Record<string, string>>,
  ) {
    this.#clients = clients;
    this.#use = use;
    this.#headers = headers;
  }

  /**
   * Throws `TypeError` without an address.
   *
   * @param principal the header that tells who calls
   */
  static to(addresses: readonly string[], principal?: string): Channels {
    if (addresses.length === 0) throw new TypeError('connect needs at least one address');
    const headers: Record<string, string> = principal === undefined ? {} : { [PRINCIPAL_HEADER]: principal };
    const clients = addresses.map(
      (address) =>
        new Client(address, credentials.createInsecure(), { ...OPTIONS, interceptors: [adding(headers)] }),
    );
    return new Channels(clients, { index: 0 }, headers);
  }

  /** One for each address. */
  get all(): readonly Client[] {
    return this.#clients;
  }

  get current(): Client {
    const client = this.#clients[this.#use.index];
    if (client === undefined) throw new TypeError('There is no channel');
    return client;
  }

  /** The same channels, for calls about this namespace. */
  of(namespace: string): Channels {
    const headers = { ...this.#headers, [NAMESPACE_HEADER]: namespace };
    const clients = this.#clients.map((client) => {
      const channelOverride = client.getChannel();
      return new Client(channelOverride.getTarget(), credentials.createInsecure(), {
        channelOverride,
        interceptors: [adding(headers)],
      });
    });
    return new Channels(clients, this.#use, headers);
  }

  /** Moves on, unless somebody else has done so. */
  failed(client: Client): void {
    if (client === this.current) this.#use.index = (this.#use.index + 1) % this.#clients.length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Puts the headers on every call. */
function adding(headers: Readonly<Record<string, string>>): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
        next(metadata, listener);
      },
    });
}
