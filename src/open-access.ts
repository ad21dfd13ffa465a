import { readAccessFile } from './access/access-file.js';
import { Admin } from './access/admin.js';
import { AccessLog } from './access/access-log.js';
import { Audit } from './access/audit.js';
import { type IssuerKeys, issuerKeys } from './access/jwt-keys.js';
import { type JwtOptions, JwtVerifier } from './access/jwt-verifier.js';
import { ServiceAccess } from './access/service-access.js';
import { WatchedFile } from './access/watched-file.js';
import type { AuditEntry } from './auth/access-admin.js';
import type { Config } from './config.js';
import type { EventStore } from './core/event-store.js';
import type { LogFields, Logger } from './core/logger.js';
import type { Runtime } from './core/runtime.js';
import { StartError } from './start-error.js';
import { errorFields } from './telemetry/logger.js';

/** Who comes in, for as long as the service runs. */
export interface OpenedAccess {
  readonly access: ServiceAccess;
  readonly log: AccessLog;
  readonly admin: Admin;
  stop(): Promise<void>;
}

export interface OpenAccessOptions {
  readonly config: Config;
  /** Of the namespace for it. */
  readonly store: EventStore;
  readonly logger: Logger;
  readonly runtime: Runtime;
}

/** Puts together what lets callers in, by the settings. Fails with `StartError`, which says what to change. */
export async function openAccess(options: OpenAccessOptions): Promise<OpenedAccess> {
  const { config, logger, runtime, store } = options;
  let verifier: JwtVerifier | undefined;
  let keys: IssuerKeys | undefined;
  const file = await WatchedFile.open({
    paths: [config.accessFile],
    read: ([path = '']) => readAccessFile(path),
    runtime,
    onFailure: (error) =>
      logger.error('The access file is not good; what it said before holds', errorFields(error)),
    onRead: () => {
      verifier?.forget();
      logger.info('The access file was read again');
    },
  }).catch((error: unknown) => {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  });
  try {
    const log = new AccessLog({
      store,
      runtime,
      onFailure: (error) =>
        logger.warn('Roles and tokens cannot be followed; trying again', errorFields(error)),
    });
    await log.start();
    keys = config.jwtKeys === '' ? undefined : await openKeys(options, () => verifier?.forget());
    verifier = keys && verifierOf(keys, options, () => file.current.jwt);
    const audit = new Audit({
      store,
      runtime,
      level: config.audit,
      shadow: config.accessShadow,
      onRefused: (entry) => logger.info(toldOf(entry), refusalFields(entry)),
      onFailure: (error) => logger.warn('The audit cannot be written; trying again', errorFields(error)),
      onDropped: (entries) => logger.error('The audit lost entries: they could not be written', { entries }),
    });
    audit.start();
    const access = new ServiceAccess({
      file,
      log,
      namespace: config.accessNamespace,
      ...(verifier ? { jwt: verifier } : {}),
      runtime,
      onDecision: (plan, decision) => audit.decided(plan, decision),
      onStranger: (because, peer) => audit.notAuthenticated(because, peer),
      shadow: config.accessShadow,
    });
    return {
      access,
      log,
      admin: new Admin({ access, log, audit, runtime }),
      stop: async () => {
        await file.stop();
        await keys?.stop();
        await log.stop();
        await audit.stop();
      },
    };
  } catch (error) {
    await file.stop();
    await keys?.stop();
    throw error;
  }
}

async function openKeys(
  { config, logger, runtime }: OpenAccessOptions,
  onChange: () => void,
): Promise<IssuerKeys> {
  return await issuerKeys(config.jwtKeys, {
    runtime,
    onFailure: (error) => logger.warn('The keys of the issuer of tokens cannot be had', errorFields(error)),
    onChange,
  }).catch((error: unknown) => {
    throw new StartError(`--jwt-keys: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  });
}

function verifierOf(
  keys: IssuerKeys,
  { config, runtime }: OpenAccessOptions,
  mapping: JwtOptions['mapping'],
): JwtVerifier {
  return new JwtVerifier({
    keys,
    algorithms: config.jwtAlgorithms,
    issuers: config.jwtIssuers,
    audiences: config.jwtAudiences,
    toleranceSeconds: config.jwtToleranceSeconds,
    mapping,
    runtime,
  });
}

function toldOf({ allowed, shadow }: AuditEntry): string {
  if (!shadow) return 'Refused';
  return allowed ? 'Would be narrowed' : 'Would be refused';
}

/** What is known of a refusal but for what it was about: that is in the audit, which not everybody reads who reads logs. */
function refusalFields({ action, because, count, namespace, peer, principal }: AuditEntry): LogFields {
  return { principal, action, namespace, because, count, peer };
}
