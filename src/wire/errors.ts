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
  DeadlineExceededError,
  EventIdReusedError,
  type FieldViolation,
  HeadwaterError,
  InternalError,
  InvalidRequestError,
  LogEpochChangedError,
  type Outcome,
  OverloadedError,
  PolicyDeniedError,
  PositionUnknownError,
  StoreUnavailableError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '../core/errors.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { StreamId } from '../core/stream.js';
import { bareStatusError } from './bare-status.js';
import { CODE_OF } from './status-code.js';

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
  if (error instanceof StoreUnavailableError || error instanceof OverloadedError)
    details.push(
      anyPack(RetryInfoSchema, { $typeName: RetryInfoSchema.typeName, retryDelay: toDuration(error) }),
    );
  const status = create(StatusSchema, {
    code: CODE_OF[error.reason],
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
  return errorOf(new Facts(info), status, violations, retryAfterMilliseconds) ?? bareStatusError(status);
}

function errorOf(
  facts: Facts,
  status: Status,
  violations: readonly FieldViolation[],
  retryAfterMilliseconds = 0,
): HeadwaterError | undefined {
  const { message } = status;
  const { outcome } = facts;
  switch (facts.reason) {
    case 'WRONG_EXPECTED_VERSION':
      return new WrongExpectedVersionError(
        [{ stream: facts.stream, expected: facts.expected, actual: facts.bigint('actual') }],
        facts.number('conflicts', 1),
      );
    case 'EVENT_ID_REUSED':
      return new EventIdReusedError(facts.text('event_id'), facts.bigint('position'));
    case 'STREAM_NOT_FOUND':
      return new StreamNotFoundError(facts.stream);
    case 'INVALID_REQUEST':
      return new InvalidRequestError(violations, facts.number('violations', violations.length));
    case 'POSITION_UNKNOWN':
      return new PositionUnknownError(facts.bigint('position'), facts.bigint('epoch'), facts.bigint('head'));
    case 'LOG_EPOCH_CHANGED':
      return new LogEpochChangedError(
        facts.bigint('position'),
        facts.bigint('epoch'),
        facts.bigint('last_common_position'),
        facts.bigint('current_epoch'),
      );
    case 'POLICY_DENIED':
      return new PolicyDeniedError(facts.text('action'));
    case 'STORE_UNAVAILABLE':
      return new StoreUnavailableError(message, { outcome, retryAfterMilliseconds });
    case 'OVERLOADED': {
      const position = facts.has('position') ? facts.bigint('position') : undefined;
      return new OverloadedError(message, {
        limit: facts.text('limit'),
        position,
        retryAfterMilliseconds,
        outcome,
      });
    }
    case 'DEADLINE_EXCEEDED':
      return new DeadlineExceededError(message, { outcome });
    case 'INTERNAL':
      return new InternalError(facts.text('error_id'), { outcome });
    default:
      return undefined;
  }
}

/** The metadata of ErrorInfo; the keys stand in `error_reason.proto`. */
function factsOf(error: HeadwaterError): Record<string, string> {
  if (error instanceof WrongExpectedVersionError) {
    const [first] = error.conflicts;
    if (first === undefined) return { conflicts: String(error.count) };
    return {
      ...namesOf(first.stream),
      expected: String(first.expected),
      actual: String(first.actual),
      conflicts: String(error.count),
    };
  }
  if (error instanceof EventIdReusedError)
    return { event_id: error.eventId, position: String(error.position) };
  if (error instanceof StreamNotFoundError) return namesOf(error.stream);
  if (error instanceof InvalidRequestError) return { violations: String(error.count) };
  if (error instanceof PositionUnknownError)
    return { position: String(error.position), epoch: String(error.epoch), head: String(error.head) };
  if (error instanceof LogEpochChangedError)
    return {
      position: String(error.position),
      epoch: String(error.epoch),
      last_common_position: String(error.lastCommonPosition),
      current_epoch: String(error.currentEpoch),
    };
  if (error instanceof PolicyDeniedError) return { action: error.action };
  if (error instanceof OverloadedError)
    return {
      limit: error.limit,
      ...(error.position === undefined ? {} : { position: String(error.position) }),
    };
  if (error instanceof InternalError) return { error_id: error.errorId };
  return {};
}

function namesOf(stream: StreamId): Record<string, string> {
  return { aggregate_type: stream.aggregateType, aggregate_id: stream.aggregateId };
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

/** The metadata of an ErrorInfo, which another program may have written. */
class Facts {
  readonly reason: string;
  readonly #metadata: Readonly<Record<string, string>>;

  constructor(info: ErrorInfo) {
    this.reason = info.reason;
    this.#metadata = info.metadata;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#metadata, key);
  }

  text(key: string): string {
    return this.#metadata[key] ?? '';
  }

  bigint(key: string): bigint {
    const text = this.text(key);
    return /^-?\d+$/.test(text) ? BigInt(text) : 0n;
  }

  number(key: string, otherwise: number): number {
    return /^\d+$/.test(this.text(key)) ? Number(this.text(key)) : otherwise;
  }

  get stream(): StreamId {
    return { aggregateType: this.text('aggregate_type'), aggregateId: this.text('aggregate_id') };
  }

  get expected(): ExpectedVersion {
    const text = this.text('expected');
    return text === 'NO_STREAM' || text === 'STREAM_EXISTS' || text === 'ANY'
      ? text
      : this.bigint('expected');
  }

  get outcome(): Outcome | undefined {
    const text = this.text('outcome');
    return text === 'NOT_APPLIED' || text === 'UNKNOWN' ? text : undefined;
  }
}
