import {
  DeadlineExceededError,
  type HeadwaterError,
  InternalError,
  InvalidRequestError,
  OverloadedError,
  PolicyDeniedError,
  StoreUnavailableError,
} from '../core/errors.js';
import { StatusCode } from './status-code.js';

/** A status without our details: from grpc-js itself, from a proxy, or from a service that is not ours. */
export interface BareStatus {
  readonly code: number;
  readonly message: string;
}

/** grpc-js says so when the call never left for want of a connection. */
const NOT_SENT = /^(No connection established|Name resolution failed|Failed to connect)/;
/** grpc-js leaves the end of its sentence empty where it has nothing to say. */
const NOTHING_MORE = /\s*Resolution note:\s*$/;
/** A connection that breaks in the middle of a call is not always UNAVAILABLE with grpc-js. */
const TRANSPORT = /RST_STREAM|ECONN|EPIPE|socket|GOAWAY|Stream closed|Call ended without/i;

/**
 * The typed error that comes nearest. Of a write that was sent nothing is known: the outcome is left out, which counts
 * as UNKNOWN, except where grpc-js says that it was never sent.
 */
export function bareStatusError(status: BareStatus): HeadwaterError {
  const { code } = status;
  const message = status.message.replace(NOTHING_MORE, '');
  const cause = new Error(`gRPC status ${code}: ${message}`);
  switch (code) {
    case StatusCode.UNAVAILABLE:
      return new StoreUnavailableError(`The service cannot be reached: ${message}`, {
        cause,
        retryAfterMilliseconds: 0,
        outcome: NOT_SENT.test(message) ? 'NOT_APPLIED' : undefined,
      });
    case StatusCode.CANCELLED:
      return new StoreUnavailableError(`The call was cancelled on the way: ${message}`, {
        cause,
        retryAfterMilliseconds: 0,
      });
    case StatusCode.DEADLINE_EXCEEDED:
      return new DeadlineExceededError(message || 'The deadline passed', { cause });
    case StatusCode.RESOURCE_EXHAUSTED:
      return /larger than|size larger/i.test(message)
        ? new InvalidRequestError([{ field: 'request', description: message }])
        : new OverloadedError(message || 'The service is overloaded', { limit: 'transport' });
    case StatusCode.INVALID_ARGUMENT:
    case StatusCode.UNIMPLEMENTED:
    case StatusCode.OUT_OF_RANGE:
      return new InvalidRequestError([{ field: 'request', description: message }]);
    case StatusCode.PERMISSION_DENIED:
    case StatusCode.UNAUTHENTICATED:
      return new PolicyDeniedError(message || 'the call');
    case StatusCode.UNKNOWN:
    case StatusCode.INTERNAL:
      if (TRANSPORT.test(message))
        return new StoreUnavailableError(`The connection was lost: ${message}`, {
          cause,
          retryAfterMilliseconds: 0,
        });
      return new InternalError('without an id', { cause });
    default:
      return new InternalError('without an id', { cause });
  }
}
