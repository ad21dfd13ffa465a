import { setMaxListeners } from 'node:events';
import { create } from '@bufbuild/protobuf';
import { GetInfoRequestSchema, InfoService } from '../../gen/headwater/v1/info_service_pb.js';
import { StoreUnavailableError } from '../core/errors.js';
import type { CallOptions } from '../core/event-store.js';
import { type Namespaces, validateNamespace } from '../core/namespace.js';
import type { Runtime } from '../core/runtime.js';
import type { AccessAdmin } from '../auth/access-admin.js';
import type { Principal } from '../auth/principal.js';
import { toPrincipalHeader } from '../wire/principal.js';
import { systemRuntime } from '../system.js';
import { fromWireInfo, type ServiceInfo } from '../wire/info.js';
import { AccessClient } from './access.js';
import { AggregateClient } from './aggregate-client.js';
import { APPENDS } from './append-protocol.js';
import { ask } from './ask.js';
import { Channels } from './channels.js';
import { CommandClient } from './command-client.js';
import { COMMANDS } from './command-protocol.js';
import { ConsumerGroupsClient } from './consumer-groups.js';
import type { ClientTls, TokenSource } from './credentials.js';
import { EventStoreClient } from './event-store-client.js';
import { NamespacesClient } from './namespaces.js';
import { ProjectionsClient } from './projections.js';
import { RequestPipeline } from './request-pipeline.js';
import { type CommandWorker, handle, type HandleOptions } from './worker.js';

/** Where the service is, and how patient the client is with it. */
export interface ConnectOptions {
  /** `host:port`, or several, of which one is used until it fails. */
  readonly address: string | readonly string[];
  /**
   * What `eventStore` and `info` are about.
   * @default the service's default
   */
  readonly namespace?: string;
  /**
   * For whom commands are sent. A service that authenticates nobody believes it, and no other.
   * @default nobody in particular
   */
  readonly principal?: Omit<Principal & { readonly kind: 'USER' }, 'kind'>;
  /**
   * What says who calls, to a service that authenticates: an API token, or one of an issuer.
   * @default none
   */
  readonly token?: TokenSource;
  /**
   * Encrypt, and how to know the service; `true`: by the certificates that Node trusts.
   * @default false
   */
  readonly tls?: boolean | ClientTls;
  /**
   * Send the token unencrypted to other machines too: the network protects it.
   * @default false
   */
  readonly plaintextToken?: boolean;
  /**
   * Milliseconds for which an append, a command, the first page of a load, and `info` are tried.
   * @default 10000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds for which a subscription tries to resume without a single message before it fails.
   * @default 300000
   */
  readonly resumeTimeoutMs?: number;
  /**
   * Milliseconds for which `eraseStream` waits until a large stream is emptied, as long as there is less left each time
   * that `timeoutMs` is over. A call with a `timeoutMilliseconds` of its own waits only so long.
   * @default 600000
   */
  readonly eraseTimeoutMs?: number;
  /**
   * Milliseconds after which the call for appends, or for commands, is closed when there is nothing to send.
   * @default 5000
   */
  readonly idleMs?: number;
  /**
   * Appends that may wait for their turn, beside the 1,024 that are sent at a time; above it an append fails with
   * `OverloadedError` at once. As many commands may.
   * @default 10000
   */
  readonly queueRequests?: number;
  /**
   * Bytes of these appends.
   * @default 67108864
   */
  readonly queueBytes?: number;
  /** @default the real one */
  readonly runtime?: Runtime;
}

/** The store of one namespace. */
export interface NamespaceConnection {
  readonly eventStore: EventStoreClient;
  /** Sends commands. */
  readonly commands: CommandClient;
  /** Reads aggregates, folded where the service knows how. */
  readonly aggregates: AggregateClient;
  /** Makes, watches and joins consumer groups. */
  readonly consumerGroups: ConsumerGroupsClient;
  /** What is known and wanted of projections, and what their runners keep. */
  readonly projections: ProjectionsClient;
  /** Decides commands, as a worker, until it is stopped. */
  readonly handle: (options: HandleOptions) => CommandWorker;
  /** What answers: version, namespace, limits. */
  readonly info: (options?: CallOptions) => Promise<ServiceInfo>;
}

/** A connection to a service. Cheap to keep, and meant to be kept. */
export interface Connection extends NamespaceConnection {
  /**
   * The store of another namespace over the same connection; the same one for the same name. Throws
   * `InvalidRequestError` for what cannot be a name; whether it exists shows when something is asked for.
   */
  readonly namespace: (name: string) => NamespaceConnection;
  /** Makes, lists and drops namespaces. */
  readonly namespaces: Namespaces;
  /** Tokens, roles, rules and the audit. */
  readonly access: AccessAdmin;
  /** Resolves when a service answers; fails with what is wrong after `timeoutMs`. */
  readonly waitForReady: (options?: CallOptions & { readonly timeoutMs?: number }) => Promise<void>;
  /** Ends what is under way. May be called twice. */
  readonly close: () => void;
}

/**
 * Connects to a service. Returns at once: the network is used when something is asked for.
 *
 * @example
 * const connection = connect({ address: ['one.example:4080', 'two.example:4080'] });
 * await connection.waitForReady();
 * console.log((await connection.info()).version);
 * connection.close();
 */
export function connect(options: ConnectOptions): Connection {
  const {
    address,
    timeoutMs = 10_000,
    resumeTimeoutMs = 300_000,
    eraseTimeoutMs = 600_000,
    idleMs = 5_000,
    queueRequests = 10_000,
    queueBytes = 64 * 1024 * 1024,
    runtime = systemRuntime,
  } = options;
  const closing = new AbortController();
  const closed = closing.signal;
  // A listener for each subscription.
  setMaxListeners(0, closed);
  const { plaintextToken, principal, tls, token } = options;
  const channels = Channels.to(typeof address === 'string' ? [address] : address, {
    ...(principal ? { principal: toPrincipalHeader({ kind: 'USER', ...principal }) } : {}),
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
    ...(plaintextToken === undefined ? {} : { plaintextToken }),
  });

  const about = (named: Channels): NamespaceConnection => {
    const sending = { channels: named, runtime, timeoutMs, idleMs, queueRequests, queueBytes, closed };
    const pipeline = new RequestPipeline({ ...sending, protocol: APPENDS });
    return {
      commands: new CommandClient({
        channels: named,
        pipeline: new RequestPipeline({ ...sending, protocol: COMMANDS }),
        runtime,
        timeoutMs,
        closed,
      }),
      aggregates: new AggregateClient({ channels: named, runtime, timeoutMs, resumeTimeoutMs, closed }),
      consumerGroups: new ConsumerGroupsClient({ channels: named, runtime, timeoutMs, closed }),
      projections: new ProjectionsClient({ channels: named, runtime, timeoutMs, closed }),
      handle: (worker) => handle({ channels: named, runtime, closed }, worker),
      eventStore: new EventStoreClient({
        channels: named,
        pipeline,
        runtime,
        timeoutMs,
        resumeTimeoutMs,
        eraseTimeoutMs,
        closed,
      }),
      info: async ({ signal, timeoutMilliseconds = timeoutMs } = {}) => {
        const patience = { timeoutMs: timeoutMilliseconds, signal };
        const request = create(GetInfoRequestSchema);
        return fromWireInfo(
          await ask({ channels: named, runtime, closed }, InfoService.method.getInfo, request, patience),
        );
      },
    };
  };
  const others = new Map<string, NamespaceConnection>();
  const namespace = (name: string) => {
    validateNamespace(name, 'namespace');
    const known = others.get(name) ?? about(channels.of(name));
    others.set(name, known);
    return known;
  };
  const own = options.namespace === undefined ? about(channels) : namespace(options.namespace);

  return {
    ...own,
    namespace,
    access: new AccessClient({ channels, runtime, closed, timeoutMs }),
    namespaces: new NamespacesClient({ channels, runtime, closed, timeoutMs }),
    waitForReady: async (wait = {}) => {
      await own.info({
        timeoutMilliseconds: wait.timeoutMs ?? timeoutMs,
        ...(wait.signal ? { signal: wait.signal } : {}),
      });
    },
    close: () => {
      if (closed.aborted) return;
      closing.abort(new StoreUnavailableError('The connection is closed', { outcome: 'NOT_APPLIED' }));
      channels.close();
    },
  };
}
