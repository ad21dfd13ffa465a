import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { allowAll } from './auth/policy-decision.js';
import type { Config } from './config.js';
import { InternalError, type Outcome } from './core/errors.js';
import type { Limits } from './core/limits.js';
import type { Logger } from './core/logger.js';
import {
  type EmbeddedPostgres,
  keepEmbeddedPostgresRunning,
  type KeptPostgres,
  startEmbeddedPostgres,
} from './embedded/index.js';
import { GrpcServer } from './grpc/server.js';
import { oneNamespace } from './grpc/served-namespaces.js';
import { HealthHttp } from './grpc/health-http.js';
import { Database, type DatabaseOptions } from './postgres/database.js';
import { logHealth } from './postgres/log-health.js';
import { migrate, type MigrationReport } from './postgres/migrate.js';
import { PostgresEventStore } from './postgres/postgres-event-store.js';
import { asStartError, StartError, withoutPassword } from './start-error.js';
import { systemRuntime } from './system.js';
import { HealthMonitor } from './telemetry/health-monitor.js';
import { createLogger, errorFields } from './telemetry/logger.js';

/** A service that runs. */
export interface Service {
  /** As `host:port`. */
  readonly grpcAddress: string;
  /** As `http://host:port`. */
  readonly httpAddress: string;
  /** In words for a person, without credentials. */
  readonly database: string;
  readonly migration: MigrationReport;
  readonly store: PostgresEventStore;
  /**
   * Drains and ends: health says not serving, appends under way are answered, streams are told to resume elsewhere. May be
   * called twice.
   */
  stop(): Promise<void>;
  /** Resolves when the service has ended, by `stop` or because its Postgres could not be kept running. */
  readonly ended: Promise<{ readonly failure?: Error }>;
}

/** Version of this package. */
export function version(): string {
  // From dist/src in a package or a built checkout, from src where the sources run as they are.
  for (const up of ['../../package.json', '../package.json'])
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'headwater' && version !== undefined) return version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  throw new Error('The package.json of headwater is missing');
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
): Promise<Service> {
  refuseOpenAddresses(config);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await compose(config, logger, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw asStartError(error, config);
  }
}

/** Only migrates. Fails with `StartError`. */
export async function migrateOnly(
  config: Config,
  logger: Logger,
): Promise<MigrationReport & { readonly where: string }> {
  let postgres: EmbeddedPostgres | undefined;
  let database: Database | undefined;
  try {
    postgres = config.databaseUrl ? undefined : await startEmbeddedPostgres({ dataDirectory: config.data });
    database = openDatabase(config, postgres, logger);
    return { ...(await migrate(database, config.schema)), where: describeDatabase(config, postgres) };
  } catch (error) {
    throw asStartError(error, config);
  } finally {
    await database?.close();
    await postgres?.stop();
  }
}

async function compose(config: Config, logger: Logger, undo: (() => Promise<unknown>)[]): Promise<Service> {
  const runtime = systemRuntime;
  const startedAt = runtime.now();
  const kept = config.databaseUrl ? undefined : await keepEmbedded(config, logger);
  if (kept) undo.push(() => kept.stop());
  const database = openDatabase(config, kept?.first, logger);
  undo.push(() => database.close());
  const migration = await migrate(database, config.schema);
  const limits = limitsOf(config);
  const store = new PostgresEventStore({
    database,
    schema: config.schema,
    runtime,
    limits,
    groupCommit: { queueRequests: config.appendQueueRequests, queueBytes: config.appendQueueBytes },
    subscriptions: {
      tail: {
        ring: { bytes: config.ringBytes },
        onFailure: (error) => logger.warn('The tail reader failed and tries again', errorFields(error)),
      },
    },
    onUnexpected: (error, outcome) => unexpected(logger, error, outcome),
    onHintsFailure: (error) =>
      logger.warn('Notifications of other instances fail; polling', errorFields(error)),
  });
  undo.push(() => store.stop());
  await store.start();
  const grpc = new GrpcServer({
    host: config.grpcHost,
    port: config.grpcPort,
    namespaces: oneNamespace(store, config.schema),
    policy: allowAll,
    logger,
    runtime,
    maxConcurrentStreams: config.maxConcurrentStreams,
    stallTimeoutMs: config.stallTimeoutMs,
    info: () => ({
      version: version(),
      namespace: config.schema,
      postgresVersion: migration.serverVersion,
      startedAt,
      limits,
    }),
  });
  const grpcPort = await grpc.start();
  undo.push(() => grpc.stop());
  const monitor = new HealthMonitor({
    check: (signal) => logHealth(database, config.schema, signal),
    onChange: (serving) => grpc.setServing(serving),
    runtime,
    logger,
  });
  const http = new HealthHttp({
    host: config.httpHost,
    port: config.httpPort,
    serving: () => monitor.serving,
    headAheadSeconds: () => monitor.headAheadSeconds,
    about: () => ({ name: 'headwater', version: version(), namespace: config.schema, grpc: grpcAddress }),
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
      await store.stop();
      await http.stop();
      await database.close();
      await kept?.stop();
      ended(failure ? { failure } : {});
    })();
    return ending;
  };
  void kept?.givenUp.then(stop);
  return {
    grpcAddress,
    httpAddress: `http://${addressOf(config.httpHost, httpPort)}`,
    database: describeDatabase(config, kept?.first),
    migration,
    store,
    stop: () => stop(),
    ended: whenEnded,
  };
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

function openDatabase(config: Config, postgres: EmbeddedPostgres | undefined, logger: Logger): Database {
  const connection: DatabaseOptions['connection'] = postgres?.connection ?? {
    connectionString: config.databaseUrl,
  };
  return new Database({
    connection,
    readConnections: config.readConnections,
    connectTimeoutMilliseconds: config.connectTimeoutMs,
    statementTimeoutMilliseconds: config.statementTimeoutMs,
    onConnectionLost: (error) => logger.warn('A database connection was lost', errorFields(error)),
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

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** Nobody is authenticated yet, so other machines must be let in on purpose. */
function refuseOpenAddresses(config: Config): void {
  for (const [name, host] of [
    ['--grpc-host', config.grpcHost],
    ['--http-host', config.httpHost],
  ] as const)
    if (!LOOPBACK.test(host) && !config.allowUnauthenticated)
      throw new StartError(
        `${name} ${host} can be reached from other machines, and nobody is authenticated: keep to 127.0.0.1, or add ` +
          '--allow-unauthenticated if the network protects it',
      );
}

function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function describeDatabase(config: Config, postgres: EmbeddedPostgres | undefined): string {
  if (postgres) return `embedded Postgres ${postgres.serverVersion}, data in ${postgres.dataDirectory}`;
  return `Postgres at ${withoutPassword(config.databaseUrl)}`;
}
