import type { Config } from './config.js';
import { StartError } from './start-error.js';

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** Throws `StartError` for settings that each are right and do not go together. */
export function refuseSettings(config: Config): void {
  refuseOpenAddresses(config);
  refuseReplicaOfEmbedded(config);
  refuseDefaultElsewhere(config);
}

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
