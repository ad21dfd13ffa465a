import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { MissingPackageError } from './relay-error.js';

/** Where a NATS server is. */
export interface NatsAddress {
  /** `nats://user:password@host:4222`, or `tls://…`; several servers of a cluster as a list. */
  readonly url: string | readonly string[];
  /**
   * Certificates, as `@nats-io/transport-node` takes them: `ca`, `cert`, `key`, or `caFile` …
   * @default none; TLS all the same if the URL is of tls or the server asks for it
   */
  readonly tls?: NonNullable<NodeConnectionOptions['tls']>;
  /** `token`, `authenticator` …: what a URL cannot say. */
  readonly credentials?: Pick<NodeConnectionOptions, 'authenticator' | 'token' | 'user' | 'pass'>;
}

/** An open connection and what speaks JetStream over it. */
export interface JetStream {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Of a message. */
  readonly headers: () => ReturnType<typeof import('@nats-io/transport-node').headers>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A server that is silent for two of these is given up. */
const PING_INTERVAL_MS = 15_000;

/**
 * One connection that is made when it is asked for, and again after it was lost. The client's own reconnecting is off: what
 * was unanswered when a connection broke has to be known to whoever goes on.
 */
export class NatsLink {
  readonly #address: NatsAddress;
  readonly #name: string;
  #open: Promise<JetStream> | undefined;

  /** @param name what the server's monitoring shows */
  constructor(address: NatsAddress, name: string) {
    this.#address = address;
    this.#name = name;
  }

  /** Fails with what the server said, and with `MissingPackageError`. */
  async get(): Promise<JetStream> {
    this.#open ??= this.#connect();
    return this.#open;
  }

  /** The next `get` makes another. */
  async drop(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await (await open?.catch(() => undefined))?.connection.close().catch(() => undefined);
  }

  async #connect(): Promise<JetStream> {
    try {
      const { connect, headers, jetstream, jetstreamManager } = await natsPackages();
      const { url, tls, credentials } = this.#address;
      const { servers, user } = split(typeof url === 'string' ? [url] : url);
      const connection = await connect({
        servers,
        name: this.#name,
        reconnect: false,
        // A stack for every message costs a fifth of the rate.
        noAsyncTraces: true,
        timeout: CONNECT_TIMEOUT_MS,
        pingInterval: PING_INTERVAL_MS,
        ...user,
        ...credentials,
        ...(tls === undefined ? (servers.some((one) => one.startsWith('tls:')) ? { tls: {} } : {}) : { tls }),
      });
      void connection.closed().then(() => {
        this.#open = undefined;
      });
      const manager = await jetstreamManager(connection).catch(async (error: unknown) => {
        await connection.close();
        throw error;
      });
      return { connection, client: jetstream(connection), manager, headers };
    } catch (error) {
      this.#open = undefined;
      throw error;
    }
  }
}

/** The client takes name and password beside the URL, not in it. */
function split(urls: readonly string[]): {
  readonly servers: string[];
  readonly user: { readonly user?: string; readonly pass?: string; readonly token?: string };
} {
  const parsed = urls.map((url) => new URL(url));
  const known = parsed.find(({ username }) => username !== '');
  const servers = parsed.map(({ protocol, host }) => `${protocol}//${host}`);
  if (known === undefined) return { servers, user: {} };
  const name = decodeURIComponent(known.username);
  const pass = decodeURIComponent(known.password);
  return { servers, user: pass === '' ? { token: name } : { user: name, pass } };
}

/** Throws `MissingPackageError`. */
export async function natsPackages() {
  try {
    const [{ connect, headers }, { jetstream, jetstreamManager }] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
    ]);
    return { connect, headers, jetstream, jetstreamManager };
  } catch (error) {
    throw new MissingPackageError(['@nats-io/transport-node', '@nats-io/jetstream'], error);
  }
}
