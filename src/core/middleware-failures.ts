import type { TurnLimits } from './append-turns.js';
import { AppendRefusedError, HeadwaterError, InternalError, type Outcome } from './errors.js';

/**
 * Who is told of the failures of middleware, and how many appends may wait for it; more are refused with
 * `OverloadedError`, for the store's own queue comes after.
 */
export interface MiddlewareOptions extends TurnLimits {
  /**
   * Told what an `afterAppend` threw, or an `append` after what it handed on was committed. The caller is not: it gets the
   * answer. Must not throw.
   * @default `console.error`, with the name of the middleware and the error
   */
  readonly onAfterAppendFailure?: (error: unknown, middleware: string) => void;
  /**
   * Makes the error for the caller of what a middleware threw that is no `HeadwaterError`.
   * @default an `InternalError` whose id names the middleware and whose cause is what was thrown
   */
  readonly onUnexpected?: (
    error: unknown,
    middleware: string,
    outcome: Outcome | undefined,
  ) => HeadwaterError;
}

/** Tells of what a middleware threw when its append was committed already. */
export function tellAfterAppendFailure(
  error: unknown,
  middleware: string,
  { onAfterAppendFailure }: MiddlewareOptions,
): void {
  if (onAfterAppendFailure) onAfterAppendFailure(error, middleware);
  else console.error(`The middleware ${middleware} failed after its append was committed:`, error);
}

/** What the caller gets for what a middleware threw. */
export function middlewareFailure(
  error: unknown,
  middleware: string,
  options: MiddlewareOptions,
  call: { readonly signal: AbortSignal | undefined; readonly outcome?: Outcome | undefined },
): unknown {
  // Whoever aborts a call gets the reason back.
  if (error instanceof HeadwaterError || (call.signal?.aborted && error === call.signal.reason)) return error;
  if (isRefusal(error)) return new AppendRefusedError(middleware, error.message);
  if (options.onUnexpected) return options.onUnexpected(error, middleware, call.outcome);
  return new InternalError(`in middleware ${middleware}`, { cause: error, outcome: call.outcome });
}

/** A module outside of this package may not be able to import its classes, or have another copy of them. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'reason' in error && error.reason === 'APPEND_REFUSED';
}
