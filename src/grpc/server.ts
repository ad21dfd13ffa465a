import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { AccessService } from '../../gen/headwater/v1/access_service_pb.js';
import { AggregateService } from '../../gen/headwater/v1/aggregate_service_pb.js';
import { CommandService } from '../../gen/headwater/v1/command_service_pb.js';
import { ConsumerGroupService } from '../../gen/headwater/v1/consumer_group_service_pb.js';
import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { InfoService } from '../../gen/headwater/v1/info_service_pb.js';
import { NamespaceService } from '../../gen/headwater/v1/namespace_service_pb.js';
import { ProjectionService } from '../../gen/headwater/v1/projection_service_pb.js';
import type { ServedAccess } from '../auth/access-admin.js';
import type { AccessControl } from '../auth/access-control.js';
import { StoreUnavailableError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Runtime } from '../core/runtime.js';
import type { CommandRegistry } from '../commands/command-registry.js';
import { accessService } from './access-service.js';
import { aggregateService } from './aggregate-service.js';
import { bind } from './bind.js';
import { Calls } from './calls.js';
import type { CommandPolicies } from './command-policies.js';
import { commandService } from './command-service.js';
import { consumerGroupService } from './consumer-group-service.js';
import { Desk, trustEverybody } from './desk.js';
import { eventStoreService } from './event-store-service.js';
import { Health } from './health.js';
import { type InfoOf, infoService } from './info-service.js';
import { namespaceService } from './namespace-service.js';
import { projectionService } from './projection-service.js';
import { addReflection } from './reflection.js';
import { register } from './register.js';
import { commandsOf } from './served-commands.js';
import { ServedGroups } from './served-groups.js';
import { projectionsOf } from './served-projections.js';
import type { ServedNamespaces } from './served-namespaces.js';

/** What the gRPC face of the service works with. */
export interface GrpcServerOptions {
  readonly namespaces: ServedNamespaces;
  /** What GetInfo answers. */
  readonly info: InfoOf;
  readonly logger: Logger;
  readonly runtime: Runtime;
  /** @default without TLS */
  readonly credentials?: ServerCredentials | undefined;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /**
   * 0: any that is free.
   * @default 0
   */
  readonly port?: number;
  /**
   * Who comes in, and what they may do.
   * @default whom the header `headwater-principal` names may do everything
   */
  readonly access?: AccessControl;
  /**
   * Tokens, roles and rules.
   * @default nobody is authenticated, and the AccessService says so
   */
  readonly served?: ServedAccess | undefined;
  /**
   * What the service itself decides and folds.
   * @default nothing: workers decide all commands
   */
  readonly domain?: CommandRegistry | undefined;
  /**
   * Whom the policies of commands hold.
   * @default "named"
   */
  readonly commandPolicies?: CommandPolicies;
  /**
   * Milliseconds within which a worker must decide a command; then another is asked. Half of what a call may take, so that
   * there is time for that.
   * @default 5000
   */
  readonly decideTimeoutMs?: number;
  /**
   * Milliseconds from its begin for which a command of a type that no worker has registered yet is to be tried again:
   * workers who were there before a restart need a moment to be back.
   * @default 0
   */
  readonly workerGraceMs?: number;
  /**
   * Milliseconds for which a reader may take nothing before its call is ended with `OVERLOADED`.
   * @default 60000
   */
  readonly stallTimeoutMs?: number;
  /**
   * Milliseconds that an append may take where the client sets no deadline.
   * @default 10000
   */
  readonly defaultDeadlineMs?: number;
  /**
   * Milliseconds that an append may take however far off the client's deadline is.
   * @default 60000
   */
  readonly longestDeadlineMs?: number;
  /**
   * Calls at the same time on one connection. A subscription is one call for as long as it lasts, and most clients keep
   * one connection and wait in silence for a free place on it, so the usual 100 would starve the 101st subscriber.
   * @default 1000
   */
  readonly maxConcurrentStreams?: number;
}

/** A request may have 4 MiB by our own limits, so that our error answers first. */
const RECEIVE_BYTES = 6 * 1024 * 1024;
/** What a call may still need after the last one has ended, in milliseconds. */
const FLUSH = 200;

/** The services on a port, one for each `register` below, health and reflection. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  readonly #calls = new Calls();
  readonly #groups: ServedGroups;
  readonly #health: Health;
  #started: Promise<number> | undefined;
  #drained: Promise<void> | undefined;

  /** Throws if an RPC has no resolver. */
  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new Server(channelOptions(options));
    const { namespaces, info, logger, runtime, access = trustEverybody } = options;
    const { stallTimeoutMs = 60_000, defaultDeadlineMs = 10_000, longestDeadlineMs = 60_000 } = options;
    const {
      commandPolicies: policies = 'named',
      decideTimeoutMs = 5000,
      workerGraceMs = 0,
      domain,
    } = options;
    const desk = new Desk({
      access,
      namespaces,
      calls: this.#calls,
      logger,
      runtime,
      stallTimeoutMs,
      defaultDeadlineMs,
      longestDeadlineMs,
    });
    const storeOf = ({ namespace }: { readonly namespace: string }) => namespaces.of(namespace).store;
    const ofNamespace = commandsOf({
      storeOf,
      domain,
      policies,
      decideTimeoutMs,
      workerGraceMs,
      runtime,
      logger,
    });
    const commands = commandService({ commandsOf: ofNamespace, policies, decideTimeoutMs, logger });
    register(this.#server, EventStoreService, eventStoreService(storeOf), desk);
    register(this.#server, CommandService, commands, desk);
    register(this.#server, AggregateService, aggregateService(ofNamespace), desk);
    const groups = new ServedGroups({ servedOf: (name) => namespaces.of(name), runtime });
    this.#groups = groups;
    const groupsOf = (namespace: string) => groups.of(namespace);
    register(this.#server, ConsumerGroupService, consumerGroupService({ groupsOf, logger }), desk);
    register(this.#server, ProjectionService, projectionService(projectionsOf(namespaces)), desk);
    register(this.#server, InfoService, infoService(info), desk);
    register(this.#server, NamespaceService, namespaceService(namespaces), desk);
    register(this.#server, AccessService, accessService(options.served), desk);
    const services = [
      EventStoreService,
      CommandService,
      AggregateService,
      ConsumerGroupService,
      ProjectionService,
      InfoService,
      NamespaceService,
      AccessService,
    ];
    this.#health = new Health(services);
    this.#health.addTo(this.#server);
    addReflection(this.#server, services, desk);
  }

  /** Calls under way, health not counted. */
  get openCalls(): number {
    return this.#calls.size;
  }

  /**
   * Listens, and answers the port. Fails with `AddressUnavailableError`. Health says NOT_SERVING until
   * {@link setServing}.
   */
  start(): Promise<number> {
    const { credentials = ServerCredentials.createInsecure(), host = '127.0.0.1', port = 0 } = this.#options;
    this.#started ??= bind(this.#server, credentials, { host, port });
    return this.#started;
  }

  /** What health says. */
  setServing(serving: boolean): void {
    this.#health.setServing(serving && !this.#calls.draining);
  }

  /**
   * Ends without loss: health says NOT_SERVING, new calls are refused with `STORE_UNAVAILABLE` and `NOT_APPLIED`,
   * subscriptions are ended so that they go on elsewhere, members of groups answer what they have and are ended too,
   * appends and loads under way are finished. What is not at its end after so many milliseconds is cut off. Calling it
   * again waits for the first.
   */
  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  /** Ends at once. */
  async stop(): Promise<void> {
    await this.drain(0);
  }

  async #drain(deadlineMs: number): Promise<void> {
    const { logger, runtime } = this.#options;
    this.#health.setServing(false);
    this.#calls.drain();
    const over = new AbortController();
    const quiet = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const late = runtime.sleep(deadlineMs, over.signal).catch(() => undefined);
    // An open health watch would hold tryShutdown for ever, so the end of our own calls is enough.
    const idle = this.#calls.idle().then(() => runtime.sleep(FLUSH, over.signal).catch(() => undefined));
    await Promise.race([quiet, idle, late]);
    over.abort(new Error('The wait is over'));
    const cut = this.#calls.size;
    if (cut > 0 && deadlineMs > 0) logger.warn('Calls were cut off', { calls: cut });
    this.#calls.abortAll(
      new StoreUnavailableError('The service was shut down', {
        outcome: 'UNKNOWN',
        retryAfterMilliseconds: 100,
      }),
    );
    if (cut > 0) await runtime.sleep(20);
    // Before the store is closed, what members held goes to others.
    await this.#groups.stop();
    this.#server.forceShutdown();
  }
}

function channelOptions({ maxConcurrentStreams = 1000 }: GrpcServerOptions): ServerOptions {
  return {
    'grpc.max_concurrent_streams': maxConcurrentStreams,
    'grpc.max_receive_message_length': RECEIVE_BYTES,
    // Half-open connections are gone after 40 seconds.
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
  };
}
