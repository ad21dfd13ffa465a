import { type ChannelOptions, Client, credentials } from '@grpc/grpc-js';

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
  #current = 0;

  constructor(addresses: readonly string[]) {
    if (addresses.length === 0) throw new TypeError('connect needs at least one address');
    this.#clients = addresses.map((address) => new Client(address, credentials.createInsecure(), OPTIONS));
  }

  get current(): Client {
    const client = this.#clients[this.#current];
    if (client === undefined) throw new TypeError('There is no channel');
    return client;
  }

  /** Moves on, unless somebody else has done so. */
  failed(client: Client): void {
    if (client === this.current) this.#current = (this.#current + 1) % this.#clients.length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
