import type { Reason } from '../core/errors.js';

/** The codes of google.rpc.Code, which are those of gRPC. */
export const StatusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The code that goes with each reason; `error_reason.proto` says the same in its comments. */
export const CODE_OF: Readonly<Record<Reason, number>> = {
  WRONG_EXPECTED_VERSION: StatusCode.ABORTED,
  EVENT_ID_REUSED: StatusCode.ALREADY_EXISTS,
  STREAM_NOT_FOUND: StatusCode.NOT_FOUND,
  INVALID_REQUEST: StatusCode.INVALID_ARGUMENT,
  POSITION_UNKNOWN: StatusCode.INVALID_ARGUMENT,
  LOG_EPOCH_CHANGED: StatusCode.DATA_LOSS,
  POLICY_DENIED: StatusCode.PERMISSION_DENIED,
  STORE_UNAVAILABLE: StatusCode.UNAVAILABLE,
  OVERLOADED: StatusCode.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: StatusCode.DEADLINE_EXCEEDED,
  INTERNAL: StatusCode.INTERNAL,
};
