import type { AnyMiddleware } from '../middleware.js';
import { type RetryOptions, retrying } from '../retrying.js';

/**
 * Tries again with a pause between, a bounded number of times; then the last failure is the caller's. What is handled says
 * with `attempt` which try it is.
 */
export function retry(options: RetryOptions): AnyMiddleware {
  return (next) => (handled, signal) =>
    retrying(options, signal, (attempt) => next(attempt === 1 ? handled : { ...handled, attempt }, signal));
}
