import { CommanderError } from 'commander';
import { ConfigError } from '../config.js';
import {
  CommandRejectedError,
  HeadwaterError,
  InvalidRequestError,
  WrongExpectedVersionError,
} from '../core/errors.js';

/** What the command line ends with. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  conflict: 3,
  notFound: 4,
  unavailable: 5,
  notConfirmed: 6,
  refused: 7,
  interrupted: 130,
} as const;

export const EXIT_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong usage or invalid input, 3 conflict (expected version, append condition, id of an event
or a command used before, nothing to restore, namespace or group exists), 4 stream, namespace or group not found, stream
deleted, or a command that nobody decides, 5 service, database or position not reachable in time, 6 not confirmed, 7 refused
by a middleware, the domain or a policy, 130 interrupted.`;

/** Input that a person can mend; the message says what and how. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** What cannot be undone was not confirmed; nothing was done. */
export class NotConfirmedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotConfirmedError';
  }
}

/** An input line that failed; `cause` says why. */
export class LineError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'LineError';
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof LineError) return exitCodeOf(error.cause);
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError || error instanceof ConfigError || error instanceof InvalidRequestError)
    return EXIT.usage;
  if (error instanceof NotConfirmedError) return EXIT.notConfirmed;
  if (!(error instanceof HeadwaterError)) return EXIT.failed;
  switch (error.reason) {
    case 'POSITION_UNKNOWN':
      return EXIT.usage;
    case 'WRONG_EXPECTED_VERSION':
    case 'APPEND_CONDITION_FAILED':
    case 'EVENT_ID_REUSED':
    case 'COMMAND_ID_REUSED':
    case 'STREAM_NOT_DELETED':
    case 'NAMESPACE_EXISTS':
    case 'GROUP_EXISTS':
    case 'PROJECTION_CONFLICT':
    case 'PROJECTION_SUPERSEDED':
    case 'LEASE_LOST':
      return EXIT.conflict;
    case 'STREAM_NOT_FOUND':
    case 'STREAM_DELETED':
    case 'NAMESPACE_NOT_FOUND':
    case 'COMMAND_NOT_REGISTERED':
    case 'SNAPSHOT_NOT_FOUND':
    case 'GROUP_NOT_FOUND':
    case 'PROJECTION_NOT_FOUND':
      return EXIT.notFound;
    case 'POSITION_NOT_REACHED':
    case 'STORE_UNAVAILABLE':
    case 'OVERLOADED':
    case 'DEADLINE_EXCEEDED':
      return EXIT.unavailable;
    case 'COMMAND_REJECTED':
    case 'APPEND_REFUSED':
    case 'POLICY_DENIED':
    case 'UNAUTHENTICATED':
      return EXIT.refused;
    default:
      return EXIT.failed;
  }
}

/**
 * The error in a few lines for a person: what happened, to what, and the way out.
 *
 * @param writes whether something was to be written, so that its outcome is of interest
 */
export function explain(error: unknown, writes: boolean): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  const lines = [error instanceof CommandRejectedError ? `${error.domainReason}: ${message}` : message];
  if (error instanceof CommandRejectedError)
    for (const [name, fact] of Object.entries(error.facts)) lines.push(`${name}: ${fact}`);
  if (error instanceof InvalidRequestError)
    for (const { field, description } of error.violations.slice(1)) lines.push(`${field}: ${description}`);
  if (error instanceof WrongExpectedVersionError)
    for (const { stream, expected, actual } of error.conflicts.slice(1))
      lines.push(
        `Stream ${stream.aggregateType} ${stream.aggregateId} is at version ${actual}, expected ${expected}`,
      );
  if (error instanceof HeadwaterError) {
    if (error.reason === 'STORE_UNAVAILABLE')
      lines.push(
        /certificate|self-signed/i.test(message)
          ? 'The service is not known by its certificate: name who signed it with --tls-ca (or HEADWATER_TLS_CA).'
          : 'Is the service running? Start one with "headwater serve", or name another with --address; one that encrypts needs --tls.',
      );
    if (error.reason === 'UNAUTHENTICATED')
      lines.push(
        'Say who calls with --token-file, HEADWATER_TOKEN, or a certificate (--tls-cert and --tls-key); an administrator makes ' +
          'tokens.',
      );
    const code = error instanceof CommandRejectedError ? `, ${error.code}` : '';
    lines.push(`(${error.reason}${code}${writes && error.outcome ? `, ${error.outcome}` : ''})`);
  }
  return lines.join('\n');
}
