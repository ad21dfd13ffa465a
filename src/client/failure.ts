import type { Metadata } from '@grpc/grpc-js';
import { type HeadwaterError, OverloadedError, StoreUnavailableError } from '../core/errors.js';
import { STATUS_DETAILS_KEY, fromStatusDetails } from '../wire/status-details.js';

/** The typed error of a call that grpc-js reports as failed. */
export function fromStatusObject(status: {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata | undefined;
}): HeadwaterError {
  const [details] = status.metadata?.get(STATUS_DETAILS_KEY) ?? [];
  return fromStatusDetails(
    { code: status.code, message: status.details },
    Buffer.isBuffer(details) ? details : undefined,
  );
}

/** As {@link fromStatusObject}, for what was caught; everything but grpc-js's own errors is thrown on. */
export function fromServiceError(error: unknown): HeadwaterError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error)
    return fromStatusObject({
      code: error.code,
      details: String(error.details),
      metadata: 'metadata' in error ? (error.metadata as Metadata) : undefined,
    });
  throw error;
}

/** Whether another try may succeed where this one did not. */
export function isTransient(error: unknown): error is StoreUnavailableError | OverloadedError {
  return error instanceof StoreUnavailableError || error instanceof OverloadedError;
}
