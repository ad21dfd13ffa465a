import { randomUUID } from 'node:crypto';
import type { AccessControl } from './auth/access-control.js';
import { withoutNamespace } from './auth/closed-namespace.js';
import type { Aggregate } from './commands/aggregate.js';
import type { CommandRegistry } from './commands/command-registry.js';
import type { Config } from './config.js';
import { InternalError, type Outcome } from './core/errors.js';
import type { Limits } from './core/limits.js';
import type { Logger } from './core/logger.js';
import type { NamespaceMiddleware } from './core/store-middleware.js';
import {
  type EmbeddedPostgres,
  keepEmbeddedPostgresRunning,
  type KeptPostgres,
  startEmbeddedPostgres,
} from './embedded/index.js';
import { domainOf, loadDomain } from './domain-module.js';
import { describeDatabase, openDatabase, openPlacements, openReplica, psqlOf } from './databases.js';
import { GrpcServer } from './grpc/server.js';
import { trustEverybody } from './grpc/desk.js';
import { HealthHttp } from './grpc/health-http.js';
import { withNamespaceMiddleware } from './grpc/middleware-namespaces.js';
import type { ServedNamespaces } from './grpc/served-namespaces.js';
import { loadStoreMiddleware, loggedFailures, middlewareOf } from './middleware-module.js';
import type { Database } from './postgres/database.js';
import { logHealth } from './postgres/log-health.js';
import { migrate, type MigrationReport } from './postgres/migrate.js';
import { PostgresNamespaces } from './postgres/namespaces.js';
import type { StorePlace } from './postgres/open-namespaces.js';
import { openAccess } from './open-access.js';
import { PostgresEventStore } from './postgres/postgres-event-store.js';
import { refuseSettings } from './refuse-settings.js';
import { asStartError } from './start-error.js';
import { systemRuntime } from './system.js';
import { HealthMonitor } from './telemetry/health-monitor.js';
import { createLogger, errorFields } from './telemetry/logger.js';
import { openTls } from './tls.js';
import { version } from './version.js';

export { version } from './version.js';

/** A service that runs. */
export interface Service {
  /** As `host:port`. */
  readonly grpcAddress: string;
  /** As `http://host:port`. */
  readonly httpAddress: string;
  /** In words for a person, without credentials. */
  readonly database: string;
  /** The command that opens the embedded Postgres; `undefined` where it is another. */
  readonly psql: string | undefined;
  /** Of the default namespace. */
  readonly migration: MigrationReport;
  /** How many command types the service decides itself. */
  readonly commandTypes: number;
  /** Their stores have the middleware around them, as they have for gRPC. */
  readonly namespaces: ServedNamespaces;
  /**
   * Drains and ends: health says not serving, appends under way are answered, streams are told to resume elsewhere. May be
   * called twice.
   */
  stop(): Promise<void>;
  /** Resolves when the service has ended, by `stop` or because its Postgres could not be kept running. */
  readonly ended: Promise<{ readonly failure?: Error }>;
}

/** What an application gives a service that it embeds. */
export interface StartOptions {
  /**
   * Put around the store of each namespace, outside of what the setting `storeMiddleware` names.
   * @default none
   */
  readonly storeMiddleware?: NamespaceMiddleware;
  /**
   * What the service decides and folds itself, instead of what the setting `domain` names.
   * @default none
   */
  readonly domain?: CommandRegistry | readonly Pick<Aggregate, 'type'>[];
  /**
   * Who comes in and what they may do, by the application's own rules, instead of those of the setting `accessFile`; tokens,
   * roles and the audit of AccessService are then not there. It decides about every call and is asked again while calls
   * last, so it must answer at once: `decide` and `again` cannot wait.
   * @default by the setting `accessFile`; without one everybody may do everything
   */
  readonly access?: AccessControl;
}

/**
 * Starts the service: the embedded Postgres or the one of `databaseUrl`, migrations, the store, gRPC and HTTP. Fails with
 * `StartError`, and then leaves nothing running.
 *
 * @example
 * const { config } = loadConfig({ grpcPort: 0, httpPort: 0 });
 * const service = await startService(config);
 * console.log(service.grpcAddress);
 * await service.stop();
 */
export async function startService(
  config: Config,
  logger: Logger = createLogger(config.logLevel),
  options: StartOptions = {},
): Promise<Service> {
  refuseSettings(config, options.access !== undefined);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await compose(config, logger, options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw asStartError(error, config);
  }
}

/** Only migrates the default namespace, where it is placed. Fails with `StartError`. */
export async function migrateOnly(
  config: Config,
  logger: Logger,
): Promise<MigrationReport & { readonly where: string }> {
  let postgres: EmbeddedPostgres | undefined;
  let database: Database | undefined;
  const url = config.placements[config.namespace] ?? config.databaseUrl;
  try {
    postgres = url ? undefined : await startEmbeddedPostgres({ dataDirectory: config.data });
    database = openDatabase(config, postgres?.connection ?? { connectionString: url }, logger);
    return { ...(await migrate(database, config.namespace)), where: describeDatabase(url, postgres) };
  } catch (error) {
    throw asStartError(error, config);
  } finally {
    await database?.close();
    await postgres?.stop();
  }
}

async function compose(
  config: Config,
  logger: Logger,
  options: StartOptions,
  undo: (() => Promise<unknown>)[],
): Promise<Service> {
  const around = await aroundStores(config, logger, options);
  const domain = await domainFor(config, options);
  const runtime = systemRuntime;
  const startedAt = runtime.now();
  const kept = config.databaseUrl ? undefined : await keepEmbedded(config, logger);
  if (kept) undo.push(() => kept.stop());
  const database = openDatabase(
    config,
    kept?.first.connection ?? { connectionString: config.databaseUrl },
    logger,
  );
  undo.push(() => database.close());
  const replica = config.readDatabaseUrl === '' ? undefined : openReplica(config, logger);
  undo.push(async () => replica?.close());
  const placements = openPlacements(config, database, logger);
  const closePlacements = () =>
    Promise.all(
      [...new Set(placements.values())].filter((other) => other !== database).map((other) => other.close()),
    );
  undo.push(closePlacements);
  const limits = limitsOf(config);
  const namespaces = new PostgresNamespaces({
    default: config.namespace,
    database,
    placements,
    runtime,
    maxOpen: config.maxNamespaces,
    // What is placed elsewhere is not on the replica of this database.
    createStore: (place) =>
      createStore(config, place, place.database === database ? replica : undefined, logger),
    onUnexpected: (error, outcome) => unexpected(logger, error, outcome),
  });
  undo.push(() => namespaces.stop());
  const served = around(namespaces);
  const { migration } = await namespaces.start();
  const opened =
    config.accessFile === ''
      ? undefined
      : await openAccess({
          config,
          store: (await namespaces.own(config.accessNamespace)).store,
          logger,
          runtime,
        });
  undo.push(async () => opened?.stop());
  const tls = await openTls(config, { logger, runtime });
  undo.push(async () => tls?.files.stop());
  const grpc = new GrpcServer({
    credentials: tls?.grpc,
    host: config.grpcHost,
    port: config.grpcPort,
    namespaces: served,
    // The header is believed: nobody but this machine gets here, or `allowUnauthenticated` is set (`refuseSettings`).
    access: opened?.access ?? withoutNamespace(options.access ?? trustEverybody, config.accessNamespace),
    served: opened?.admin,
    domain,
    commandPolicies:
      opened === undefined && options.access === undefined ? config.commandPolicies : 'enforce',
    decideTimeoutMs: config.decideTimeoutMs,
    workerGraceMs: config.workerGraceMs,
    logger,
    runtime,
    maxConcurrentStreams: config.maxConcurrentStreams,
    stallTimeoutMs: config.stallTimeoutMs,
    info: (namespace) => ({
      version: version(),
      namespace,
      postgresVersion: namespaces.of(namespace).migration.serverVersion,
      startedAt,
      limits,
    }),
  });
  const grpcPort = await grpc.start();
  undo.push(() => grpc.stop());
  let hiddenTold = false;
  const monitor = new HealthMonitor({
    check: async (signal) => {
      const health = await logHealth(database, config.namespace, signal);
      if (health.standbys === 'HIDDEN' && !hiddenTold) {
        hiddenTold = true;
        logger.warn(
          'The role of DATABASE_URL may not see whether a synchronous standby is connected, so readiness cannot tell: ' +
            'GRANT pg_read_all_stats to it',
        );
      }
      return health;
    },
    onChange: (serving) => grpc.setServing(serving),
    runtime,
    logger,
  });
  const http = new HealthHttp({
    tls: tls?.files,
    host: config.httpHost,
    port: config.httpPort,
    serving: () => monitor.serving,
    headAheadSeconds: () => (opened === undefined ? monitor.headAheadSeconds : 0),
    // Where callers must say who they are, those who do not learn whether it serves and nothing else.
    about: () =>
      opened === undefined
        ? { name: 'headwater', version: version(), namespace: config.namespace, grpc: grpcAddress }
        : { name: 'headwater' },
  });
  const grpcAddress = addressOf(config.grpcHost, grpcPort);
  const httpPort = await http.start();
  undo.push(() => http.stop());
  await monitor.start();

  let ending: Promise<void> | undefined;
  let ended: (outcome: { readonly failure?: Error }) => void = () => undefined;
  const whenEnded = new Promise<{ readonly failure?: Error }>((resolve) => {
    ended = resolve;
  });
  const stop = (failure?: Error) => {
    ending ??= (async () => {
      await monitor.stop();
      await grpc.drain(config.drainTimeoutMs);
      await opened?.stop();
      await tls?.files.stop();
      await namespaces.stop();
      await http.stop();
      await closePlacements();
      await replica?.close();
      await database.close();
      await kept?.stop();
      ended(failure ? { failure } : {});
    })();
    return ending;
  };
  void kept?.givenUp.then(stop);
  return {
    grpcAddress,
    httpAddress: `${tls === undefined ? 'http' : 'https'}://${addressOf(config.httpHost, httpPort)}`,
    database: describeDatabase(config.databaseUrl, kept?.first),
    psql: kept && psqlOf(kept.first),
    migration,
    commandTypes: domain?.list().length ?? 0,
    namespaces: served,
    stop: () => stop(),
    ended: whenEnded,
  };
}

/** What puts the middleware around the store of each namespace. Before anything is started, for its mistakes are told. */
async function aroundStores(
  config: Config,
  logger: Logger,
  { storeMiddleware }: StartOptions,
): Promise<(namespaces: ServedNamespaces) => ServedNamespaces> {
  if (config.storeMiddleware === '' && storeMiddleware === undefined) return (namespaces) => namespaces;
  const outer = middlewareOf(storeMiddleware ?? []);
  const inner = config.storeMiddleware === '' ? () => [] : await loadStoreMiddleware(config.storeMiddleware);
  const both = (namespace: string) => [...outer(namespace), ...inner(namespace)];
  both(config.namespace);
  const how = {
    ...loggedFailures(logger),
    queueRequests: config.appendQueueRequests,
    queueBytes: config.appendQueueBytes,
  };
  return (namespaces) => withNamespaceMiddleware(namespaces, both, how);
}

/** Before anything is started, for its mistakes are told. */
async function domainFor(config: Config, { domain }: StartOptions): Promise<CommandRegistry | undefined> {
  if (domain !== undefined) return domainOf(domain);
  return config.domain === '' ? undefined : await loadDomain(config.domain);
}

function keepEmbedded(config: Config, logger: Logger): Promise<KeptPostgres> {
  return keepEmbeddedPostgresRunning({
    dataDirectory: config.data,
    onEnded: ({ code, signal }, restarts) =>
      logger.error('The embedded Postgres has ended; starting it again', {
        code: code ?? undefined,
        signal: signal ?? undefined,
        restarts,
      }),
  });
}

/** The one place where a store on Postgres is put together, whichever namespace it is for. */
function createStore(
  config: Config,
  { database, namespace, vanished }: StorePlace,
  replica: Database | undefined,
  logger: Logger,
): PostgresEventStore {
  return new PostgresEventStore({
    database,
    replica,
    schema: namespace,
    runtime: systemRuntime,
    limits: limitsOf(config),
    groupCommit: { queueRequests: config.appendQueueRequests, queueBytes: config.appendQueueBytes },
    sweep: {
      intervalMilliseconds: config.sweepIntervalMs,
      onFailure: (error) => {
        if (vanished(error) === undefined)
          logger.warn('The sweep failed and tries again', { namespace, ...errorFields(error) });
      },
    },
    subscriptions: {
      tail: {
        ring: { bytes: config.ringBytes },
        onFailure: (error) => {
          if (vanished(error) === undefined)
            logger.warn('The tail reader failed and tries again', { namespace, ...errorFields(error) });
        },
      },
    },
    onUnexpected: (error, outcome) => vanished(error, outcome) ?? unexpected(logger, error, outcome),
    onHintsFailure: (error) =>
      logger.warn('Notifications of other instances fail; polling', { namespace, ...errorFields(error) }),
  });
}

function limitsOf(config: Config): Limits {
  const { eventDataBytes, eventMetadataBytes, eventTags, appendEvents, appendBytes } = config;
  return { eventDataBytes, eventMetadataBytes, eventTags, appendEvents, appendBytes };
}

function unexpected(logger: Logger, error: unknown, outcome?: Outcome): InternalError {
  const errorId = randomUUID();
  logger.error('An unexpected error', { errorId, outcome, ...errorFields(error) });
  return new InternalError(errorId, { cause: error, outcome });
}

function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
