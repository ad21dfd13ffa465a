import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { WatchedFile } from './access/watched-file.js';
import type { Config } from './config.js';
import type { Logger } from './core/logger.js';
import type { Runtime } from './core/runtime.js';
import { ReloadedCredentials } from './grpc/reloaded-credentials.js';
import { StartError } from './start-error.js';
import { errorFields } from './telemetry/logger.js';

/** Hosts that no other machine reaches. */
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** TLS for as long as the service runs. */
export interface OpenedTls {
  readonly grpc: ReloadedCredentials;
  /** For HTTP, as it is now, and told of changes. */
  readonly files: WatchedFile<SecureContextOptions>;
}

/**
 * The certificate that the settings name, read again when it changes; what does not fit together is never applied, and
 * said. `undefined` without one. Fails with `StartError`.
 */
export async function openTls(
  config: Config,
  { logger, runtime }: { readonly logger: Logger; readonly runtime: Runtime },
): Promise<OpenedTls | undefined> {
  const { tlsCert, tlsClientCa, tlsKey } = config;
  if (tlsCert === '') {
    if (config.accessFile !== '' && !LOOPBACK.test(config.grpcHost))
      logger.warn(
        'Tokens reach this service unencrypted from other machines, unless something in front of it speaks TLS: set --tls-cert ' +
          'and --tls-key',
        { grpcHost: config.grpcHost },
      );
    return undefined;
  }
  let grpc: ReloadedCredentials | undefined;
  const files = await WatchedFile.open({
    paths: [tlsCert, tlsKey, ...(tlsClientCa === '' ? [] : [tlsClientCa])],
    read: readContext,
    runtime,
    onFailure: (error) =>
      logger.error('The certificate is not good; the one before stays in use', errorFields(error)),
    onRead: (context) => {
      grpc?.update(context);
      logger.info('The certificate was read again');
    },
  }).catch((error: unknown) => {
    throw new StartError(`TLS: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  grpc = new ReloadedCredentials(files.current, tlsClientCa !== '');
  return { grpc, files };
}

/** Certificate, key and, for clients, who signs theirs. Throws if they do not go together. */
async function readContext([
  certFile = '',
  keyFile = '',
  caFile,
]: readonly string[]): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    caFile === undefined ? undefined : readFile(caFile),
  ]);
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key)))
    throw new Error(`${keyFile} is not the key of the certificate ${certFile}`);
  const context: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) };
  createSecureContext(context);
  return context;
}
