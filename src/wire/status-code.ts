import {
  CommandRejectedError,
  type HeadwaterError,
  type Reason,
  type RejectionCode,
} from '../core/errors.js';

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
  APPEND_CONDITION_FAILED: StatusCode.ABORTED,
  EVENT_ID_REUSED: StatusCode.ALREADY_EXISTS,
  COMMAND_ID_REUSED: StatusCode.ALREADY_EXISTS,
  COMMAND_NOT_REGISTERED: StatusCode.UNIMPLEMENTED,
  COMMAND_REJECTED: StatusCode.FAILED_PRECONDITION,
  SNAPSHOT_NOT_FOUND: StatusCode.NOT_FOUND,
  STREAM_NOT_FOUND: StatusCode.NOT_FOUND,
  STREAM_DELETED: StatusCode.FAILED_PRECONDITION,
  STREAM_NOT_DELETED: StatusCode.FAILED_PRECONDITION,
  INVALID_REQUEST: StatusCode.INVALID_ARGUMENT,
  POSITION_NOT_REACHED: StatusCode.UNAVAILABLE,
  POSITION_UNKNOWN: StatusCode.INVALID_ARGUMENT,
  LOG_EPOCH_CHANGED: StatusCode.DATA_LOSS,
  UNAUTHENTICATED: StatusCode.UNAUTHENTICATED,
  POLICY_DENIED: StatusCode.PERMISSION_DENIED,
  STORE_UNAVAILABLE: StatusCode.UNAVAILABLE,
  OVERLOADED: StatusCode.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: StatusCode.DEADLINE_EXCEEDED,
  INTERNAL: StatusCode.INTERNAL,
  NAMESPACE_NOT_FOUND: StatusCode.NOT_FOUND,
  NAMESPACE_EXISTS: StatusCode.ALREADY_EXISTS,
  APPEND_REFUSED: StatusCode.FAILED_PRECONDITION,
  GROUP_NOT_FOUND: StatusCode.NOT_FOUND,
  GROUP_EXISTS: StatusCode.ALREADY_EXISTS,
  PROJECTION_NOT_FOUND: StatusCode.NOT_FOUND,
  PROJECTION_CONFLICT: StatusCode.FAILED_PRECONDITION,
  PROJECTION_SUPERSEDED: StatusCode.FAILED_PRECONDITION,
  LEASE_LOST: StatusCode.ABORTED,
};

/** The code of the error: that of its reason, or the one that the domain chose. */
export function codeOf(error: HeadwaterError): number {
  return error instanceof CommandRejectedError ? StatusCode[error.code] : CODE_OF[error.reason];
}

const REJECTION_CODES: readonly RejectionCode[] = [
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
];

/** The code with which a domain refuses, or `undefined` for one that it may not use. */
export function rejectionCodeOf(code: number): RejectionCode | undefined {
  return REJECTION_CODES.find((name) => StatusCode[name] === code);
}
