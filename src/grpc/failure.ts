import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { HeadwaterError, InternalError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Runtime } from '../core/runtime.js';
import { toWireStatus } from '../wire/errors.js';
import { STATUS_DETAILS_KEY, toStatusDetails } from '../wire/status-details.js';

/**
 * The error that the caller may see. What nobody foresaw is logged under an id, without its message, which may hold
 * what the caller sent, and becomes a bland INTERNAL with that id.
 */
export function publicError(
  error: unknown,
  rpc: string,
  { logger, runtime }: { readonly logger: Logger; readonly runtime: Runtime },
): HeadwaterError {
  if (error instanceof HeadwaterError) return error;
  const errorId = runtime.newEventId();
  logger.error('Unexpected error', { rpc, error_id: errorId, ...originOf(error) });
  return new InternalError(errorId, { cause: error });
}

function originOf(error: unknown): { error: string; code?: string; stack?: string } {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    error: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...(frames ? { stack: frames.slice(0, 8).join('\n') } : {}),
  };
}

/** The error as grpc-js ends a call with it: code, message, and the details in a trailer. */
export function toServiceError(error: HeadwaterError): ServiceError {
  const status = toWireStatus(error);
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_KEY, toStatusDetails(status));
  return Object.assign(new Error(status.message), {
    code: status.code,
    details: status.message,
    metadata,
  });
}
