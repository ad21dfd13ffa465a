import { InvalidRequestError, StoreUnavailableError } from '../core/errors.js';

/** What is to be done with a namespace is not possible at the moment. */
export function notNow(message: string, cause?: Error): StoreUnavailableError {
  return new StoreUnavailableError(`${message}; try again`, {
    outcome: 'NOT_APPLIED',
    retryAfterMilliseconds: 200,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A namespace cannot be made or dropped, with why and the way out. */
export function cannotBe(done: 'created' | 'dropped', why: string, cause?: unknown): InvalidRequestError {
  const refusal = new InvalidRequestError([{ field: 'name', description: `cannot be ${done}: ${why}` }]);
  if (cause !== undefined) refusal.cause = cause;
  return refusal;
}
