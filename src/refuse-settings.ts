import type { Config } from './config.js';
import { StartError } from './start-error.js';

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/**
 * Throws `StartError` for settings that each are right and do not go together.
 *
 * @param ownAccess that an application decides itself who may what
 */
export function refuseSettings(config: Config, ownAccess = false): void {
  if (!ownAccess) refuseOpenAddresses(config);
  else if (config.accessFile !== '')
    throw new StartError(
      '--access-file and an access control of the application contradict each other: leave one out',
    );
  refuseReplicaOfEmbedded(config);
  refuseDefaultElsewhere(config);
  refuseHalfOfAccess(config);
}

/** Where nobody is authenticated other machines must be let in on purpose. */
function refuseOpenAddresses(config: Config): void {
  if (config.accessFile !== '') return;
  for (const [name, host] of [
    ['--grpc-host', config.grpcHost],
    ['--http-host', config.httpHost],
  ] as const)
    if (!LOOPBACK.test(host) && !config.allowUnauthenticated)
      throw new StartError(
        `${name} ${host} can be reached from other machines, and nobody is authenticated: keep to 127.0.0.1, say who may what with ` +
          '--access-file, or add --allow-unauthenticated if the network protects it',
      );
}

function refuseReplicaOfEmbedded({ databaseUrl, readDatabaseUrl }: Config): void {
  if (readDatabaseUrl !== '' && databaseUrl === '')
    throw new StartError(
      'READ_DATABASE_URL is set and DATABASE_URL is not: the embedded Postgres has no replica; name the primary in DATABASE_URL',
    );
}

/** Health, and whatever is about no namespace, goes by the default one. */
function refuseDefaultElsewhere({ namespace, placements }: Config): void {
  if (placements[namespace] !== undefined)
    throw new StartError(
      `Namespace ${namespace} is the default and has a placement: give its URL as DATABASE_URL, or make another the ` +
        'default with --namespace',
    );
}

/** Settings of authentication that would have no effect, or a wrong one, alone. */
function refuseHalfOfAccess(config: Config): void {
  const { accessFile, jwtAudiences, jwtIssuers, jwtKeys, namespace, placements, accessNamespace } = config;
  const { tlsCert, tlsClientCa, tlsKey } = config;
  const refused = (problem: string) => {
    throw new StartError(problem);
  };
  if ((tlsCert === '') !== (tlsKey === ''))
    refused('--tls-cert and --tls-key go together: give both, or none');
  if (tlsClientCa !== '' && tlsCert === '')
    refused('--tls-client-ca asks clients for certificates, which needs TLS: give --tls-cert and --tls-key');
  if (accessFile === '') {
    if (jwtKeys !== '' || config.accessShadow)
      refused('--jwt-keys and --access-shadow need --access-file, which says who may what');
    return;
  }
  if (config.allowUnauthenticated)
    refused('--allow-unauthenticated and --access-file contradict each other: leave one out');
  if (jwtKeys !== '' && (jwtIssuers.length === 0 || jwtAudiences.length === 0))
    refused(
      '--jwt-keys needs --jwt-issuers and --jwt-audiences: a token for another service must not be good here',
    );
  if (jwtKeys.startsWith('http://') && !isLoopback(jwtKeys))
    refused(
      `--jwt-keys ${jwtKeys} is asked unencrypted, so that whoever is on the way could give keys of their own: use https:// ` +
        '(NODE_EXTRA_CA_CERTS names a CA of your own), or a file',
    );
  if (accessNamespace === namespace || placements[accessNamespace] !== undefined)
    refused(
      `--access-namespace ${accessNamespace} must be a namespace of its own on the service's own database`,
    );
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname.replace(/^\[|\]$/g, ''));
}
