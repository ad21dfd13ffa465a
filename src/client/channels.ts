import {
  type ChannelOptions,
  Client,
  credentials,
  type Interceptor,
  InterceptingCall,
  status,
} from '@grpc/grpc-js';
import { NAMESPACE_HEADER } from '../wire/namespace.js';
import { PRINCIPAL_HEADER } from '../wire/principal.js';
import { channelSecurity, type ClientTls, refuseOpenToken, type TokenSource } from './credentials.js';

const OPTIONS: ChannelOptions = {
  // What the service sends has 3.5 MiB at most.
  'grpc.max_receive_message_length': 6 * 1024 * 1024,
  // How much the service may send of each call before its reader has taken it, beside a page or two that are decoded. With 64 KiB,
  // the default, a page needs seven round trips, and sending and receiving take half as much CPU again.
  'grpc-node.flow_control_window': 512 * 1024,
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

export interface ChannelsOptions {
  /** The header that tells who calls. */
  readonly principal?: string;
  readonly token?: TokenSource;
  readonly tls?: boolean | ClientTls;
  readonly plaintextToken?: boolean;
}

/** A channel to each address; one is in use until it fails, then the next. */
export class Channels {
  readonly #clients: readonly Client[];
  /** Which is in use, for all namespaces. */
  readonly #use: { index: number };

  /** What every call says. */
  readonly #told: Told;

  private constructor(clients: readonly Client[], use: { index: number }, told: Told) {
    this.#clients = clients;
    this.#use = use;
    this.#told = told;
  }

  /** Throws `TypeError` without an address, and where a token would cross an open network. */
  static to(addresses: readonly string[], options: ChannelsOptions = {}): Channels {
    if (addresses.length === 0) throw new TypeError('connect needs at least one address');
    refuseOpenToken(addresses, options);
    const { principal, tls, token } = options;
    const told: Told = {
      headers: principal === undefined ? {} : { [PRINCIPAL_HEADER]: principal },
      token,
    };
    const clients = addresses.map((address) => {
      const security = channelSecurity(address, tls);
      return new Client(address, security.credentials, {
        ...OPTIONS,
        ...security.options,
        interceptors: [telling(told)],
      });
    });
    return new Channels(clients, { index: 0 }, told);
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
    const told = { ...this.#told, headers: { ...this.#told.headers, [NAMESPACE_HEADER]: namespace } };
    const clients = this.#clients.map((client) => {
      const channelOverride = client.getChannel();
      // The channel has credentials of its own.
      return new Client(channelOverride.getTarget(), credentials.createInsecure(), {
        channelOverride,
        interceptors: [telling(told)],
      });
    });
    return new Channels(clients, this.#use, told);
  }

  /** Moves on, unless somebody else has done so. */
  failed(client: Client): void {
    if (client === this.current) this.#use.index = (this.#use.index + 1) % this.#clients.length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** What every call of some channels says, and over what. */
interface Told {
  readonly headers: Readonly<Record<string, string>>;
  readonly token: TokenSource | undefined;
}

/** Puts the headers on every call, and the token of the moment. */
function telling({ headers, token }: Told): Interceptor {
  return (options, nextCall) => {
    const call = nextCall(options);
    return new InterceptingCall(call, {
      start: (metadata, listener, next) => {
        for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
        if (token === undefined) return next(metadata, listener);
        const begin = (present: string) => {
          metadata.set('authorization', `Bearer ${present}`);
          next(metadata, listener);
        };
        if (typeof token === 'string') return begin(token);
        Promise.resolve()
          .then(token)
          .then(begin)
          .catch((error: unknown) => {
            next(metadata, listener);
            call.cancelWithStatus(status.UNAUTHENTICATED, `There is no token: ${String(error)}`);
          });
      },
    });
  };
}
