import { type ChannelOptions, Client, credentials, type Interceptor, InterceptingCall } from '@grpc/grpc-js';
import { NAMESPACE_HEADER } from '../wire/namespace.js';

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

  private constructor(clients: readonly Client[], use: { index: number }) {
    this.#clients = clients;
    this.#use = use;
  }

  /** Throws `TypeError` without an address. */
  static to(addresses: readonly string[]): Channels {
    if (addresses.length === 0) throw new TypeError('connect needs at least one address');
    const clients = addresses.map((address) => new Client(address, credentials.createInsecure(), OPTIONS));
    return new Channels(clients, { index: 0 });
  }

  get current(): Client {
    const client = this.#clients[this.#use.index];
    if (client === undefined) throw new TypeError('There is no channel');
    return client;
  }

  /** The same channels, for calls about this namespace. */
  of(namespace: string): Channels {
    const clients = this.#clients.map((client) => {
      const channelOverride = client.getChannel();
      return new Client(channelOverride.getTarget(), credentials.createInsecure(), {
        channelOverride,
        interceptors: [about(namespace)],
      });
    });
    return new Channels(clients, this.#use);
  }

  /** Moves on, unless somebody else has done so. */
  failed(client: Client): void {
    if (client === this.current) this.#use.index = (this.#use.index + 1) % this.#clients.length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Puts the header on every call. */
function about(namespace: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        metadata.set(NAMESPACE_HEADER, namespace);
        next(metadata, listener);
      },
    });
}
