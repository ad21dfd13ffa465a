import type { Config } from './config.js';
import { EmbeddedPostgresError } from './embedded/index.js';
import { AddressUnavailableError } from './grpc/bind.js';
import { UnsuitableDatabaseError } from './postgres/check-server.js';
import { NotSentError } from './postgres/database.js';
import { NotConfirmedError } from './postgres/server-lives.js';
import { sqlstateOf } from './postgres/sqlstate.js';
import { withoutPassword } from './without-password.js';

/** The service cannot start; the message is one sentence that says what to do. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
  }
}

/** What is known about a failed start, as one sentence that says what to do; anything unexpected stays as it is. */
export function asStartError(error: unknown, config: Config): Error {
  if (
    error instanceof StartError ||
    error instanceof EmbeddedPostgresError ||
    error instanceof UnsuitableDatabaseError ||
    error instanceof AddressUnavailableError
  )
    return new StartError(error.message, { cause: error });
  if (error instanceof NotSentError && error.cause instanceof NotConfirmedError)
    return new StartError(
      `${error.cause.message.replace(/; try again$/, '')}: connect one to the server, or serve with --durability local`,
      { cause: error },
    );
  if (error instanceof NotSentError) {
    const code = sqlstateOf(error.cause);
    const why =
      error.cause instanceof Error
        ? error.cause.message || String((error.cause as { code?: string }).code)
        : '';
    const way = code?.startsWith('28')
      ? 'check the user and password in DATABASE_URL'
      : code === '3D000'
        ? 'create the database, or name another in DATABASE_URL'
        : /certificate|altnames/i.test(why)
          ? 'name who signed its certificate with sslrootcert in DATABASE_URL, and the host that the certificate is for'
          : 'check that it runs and that DATABASE_URL names it, or leave DATABASE_URL out to use the embedded Postgres';
    return new StartError(
      `The database ${withoutPassword(config.databaseUrl)} cannot be reached (${why}): ${way}`,
      {
        cause: error,
      },
    );
  }
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    return new StartError(
      `Port ${config.httpPort} on ${config.httpHost} is taken: choose another with --http-port, or end what uses it`,
      { cause: error },
    );
  if (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL')
  )
    return new StartError(
      `HTTP cannot listen on ${config.httpHost}:${config.httpPort} (${error.code}): choose others with --http-host and --http-port`,
      { cause: error },
    );
  return error instanceof Error ? error : new Error(String(error));
}
