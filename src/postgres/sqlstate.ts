import pg from 'pg';
import {
  DeadlineExceededError,
  HeadwaterError,
  InvalidRequestError,
  type Outcome,
  OverloadedError,
  StoreUnavailableError,
} from '../core/errors.js';
import { NotSentError, StatementTimeoutError } from './database.js';
import { NotConfirmedError } from './server-lives.js';

/** What a failure of the driver means. */
export type Failure =
  /** The connection is lost, or the server goes down or comes up: what was sent may or may not have happened. */
  | 'CONNECTION'
  /** The server refused a value or a row of it; the transaction is undone, and others might be taken. */
  | 'VALUE'
  /** The server refused for another reason; the transaction is undone, and another would fare no better now. */
  | 'REFUSED'
  /** Neither: a mistake of our own. */
  | 'UNEXPECTED';

const CONNECTION_CODES = new Set(['57P01', '57P02', '57P03', '57P05', '25006']);

// What node-postgres says of a connection that is gone; it has no class or code for it.
const LOST =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|The connection to the database)/;

/** Tells them apart. */
export function failureOf(error: unknown): Failure {
  const code = sqlstateOf(error);
  if (code === undefined) return isConnectionError(error) ? 'CONNECTION' : 'UNEXPECTED';
  if (code.startsWith('08') || CONNECTION_CODES.has(code)) return 'CONNECTION';
  return /^(22|23|54)/.test(code) ? 'VALUE' : 'REFUSED';
}

function isConnectionError(error: unknown): boolean {
  if (error instanceof NotSentError || error instanceof StatementTimeoutError) return true;
  if (!(error instanceof Error)) return false;
  // ECONNRESET, EPIPE, ENOENT of a socket …
  return LOST.test(error.message) || ('syscall' in error && 'code' in error);
}

export function sqlstateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * The typed error for a failure of the driver; `undefined` for one that nobody expected, which is to be logged and
 * answered as `InternalError`. The driver's message and detail stay in `cause`: they can hold values of rows.
 *
 * @param outcome what became of the write, if it was one
 */
export function storeError(error: unknown, outcome?: Outcome): HeadwaterError | undefined {
  if (error instanceof HeadwaterError) return error;
  const options = { cause: error, outcome };
  const code = sqlstateOf(error);
  if (error instanceof NotSentError && error.cause instanceof NotConfirmedError)
    return new StoreUnavailableError(error.cause.message, options);
  if (code === undefined)
    return failureOf(error) === 'CONNECTION'
      ? new StoreUnavailableError('The database does not answer; try again', options)
      : undefined;
  if (code === '25006')
    return new StoreUnavailableError(
      'The database is read-only now, it may be a standby; try again',
      options,
    );
  if (failureOf(error) === 'CONNECTION')
    return new StoreUnavailableError('The database is going down or coming up; try again', options);
  if (code === '55P03')
    return new OverloadedError('The log was locked by others for too long; try again', {
      limit: 'lock_timeout',
      outcome,
    });
  if (code === '57014')
    return new DeadlineExceededError('The database gave up the statement: it took too long', options);
  if (code.startsWith('53'))
    return new OverloadedError(`The database is out of resources (SQLSTATE ${code}); try again later`, {
      limit: `sqlstate_${code}`,
      outcome,
      retryAfterMilliseconds: 1000,
    });
  if (code === '40001' || code === '40P01')
    return new OverloadedError(`The database undid the transaction in favour of another (SQLSTATE ${code})`, {
      limit: 'contention',
      outcome,
    });
  if (code.startsWith('22') || code === '54000')
    return new InvalidRequestError([
      { field: 'streams', description: `holds a value that the database cannot store (SQLSTATE ${code})` },
    ]);
  return undefined;
}
