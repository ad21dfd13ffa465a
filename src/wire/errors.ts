import { create, toBinary } from '@bufbuild/protobuf';
import { type Any, anyIs, anyPack, anyUnpack, type Duration } from '@bufbuild/protobuf/wkt';
import {
  BadRequest_FieldViolationSchema,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../gen/google/rpc/error_details_pb.js';
import { type Status, StatusSchema } from '../../gen/google/rpc/status_pb.js';
import {
  type FieldViolation,
  type HeadwaterError,
  InvalidRequestError,
  OverloadedError,
  PositionNotReachedError,
  StoreUnavailableError,
} from '../core/errors.js';
import { bareStatusError } from './bare-status.js';
import { errorOf, factsOf } from './error-facts.js';
import { codeOf } from './status-code.js';

/** The `domain` of our ErrorInfo. */
const DOMAIN = 'headwater';
/** Trailers are small in Java and C clients. */
const STATUS_BYTES = 4096;
const MESSAGE_LENGTH = 512;

/** What a failed call is answered with: the code, and the facts as ErrorInfo, BadRequest and RetryInfo. */
export function toWireStatus(error: HeadwaterError): Status {
  const info = create(ErrorInfoSchema, { reason: error.reason, domain: DOMAIN, metadata: factsOf(error) });
  if (error.outcome !== undefined) info.metadata['outcome'] = error.outcome;
  const details: Any[] = [anyPack(ErrorInfoSchema, info)];
  if (
    error instanceof StoreUnavailableError ||
    error instanceof OverloadedError ||
    error instanceof PositionNotReachedError
  )
    details.push(
      anyPack(RetryInfoSchema, { $typeName: RetryInfoSchema.typeName, retryDelay: toDuration(error) }),
    );
  const status = create(StatusSchema, {
    code: codeOf(error),
    message: brief(error.message),
    details,
  });
  if (error instanceof InvalidRequestError) addViolations(status, error.violations);
  return status;
}

/** The typed error again, with the same facts. Statuses that are not ours become what comes nearest. */
export function fromWireStatus(status: Status): HeadwaterError {
  let info: ErrorInfo | undefined;
  let violations: FieldViolation[] = [];
  let retryAfterMilliseconds: number | undefined;
  for (const detail of status.details) {
    if (anyIs(detail, ErrorInfoSchema)) info ??= anyUnpack(detail, ErrorInfoSchema);
    else if (anyIs(detail, BadRequestSchema))
      violations = (anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? []).map(
        ({ field, description }) => ({ field, description }),
      );
    else if (anyIs(detail, RetryInfoSchema))
      retryAfterMilliseconds = fromDuration(anyUnpack(detail, RetryInfoSchema)?.retryDelay);
  }
  if (info?.domain !== DOMAIN) return bareStatusError(status);
  const { code, message } = status;
  return errorOf(info, { code, message, violations, retryAfterMilliseconds }) ?? bareStatusError(status);
}

/** Adds as many violations as there is room for; how many there are in all stands in ErrorInfo. */
function addViolations(status: Status, violations: readonly FieldViolation[]): void {
  const request = create(BadRequestSchema);
  // The type name of the detail, and lengths.
  let room = STATUS_BYTES - toBinary(StatusSchema, status).byteLength - 80;
  for (const violation of violations) {
    const field = brief(violation.field);
    const description = brief(violation.description);
    room -= Buffer.byteLength(field) + Buffer.byteLength(description) + 12;
    if (room < 0) break;
    request.fieldViolations.push(create(BadRequest_FieldViolationSchema, { field, description }));
  }
  status.details.push(anyPack(BadRequestSchema, request));
}

/** Short, and without lone surrogates, which grpc-js cannot put into a header. */
function brief(text: string): string {
  return (text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text).toWellFormed();
}

function toDuration(error: { readonly retryAfterMilliseconds: number }): Duration {
  const milliseconds = Math.max(0, Math.round(error.retryAfterMilliseconds));
  return {
    $typeName: 'google.protobuf.Duration',
    seconds: BigInt(Math.trunc(milliseconds / 1000)),
    nanos: (milliseconds % 1000) * 1_000_000,
  };
}

function fromDuration(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
}
