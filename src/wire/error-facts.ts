import type { ErrorInfo } from '../../gen/google/rpc/error_details_pb.js';
import {
  AppendConditionFailedError,
  AppendRefusedError,
  CommandIdReusedError,
  CommandNotRegisteredError,
  CommandRejectedError,
  DeadlineExceededError,
  EventIdReusedError,
  type FieldViolation,
  type HeadwaterError,
  InternalError,
  InvalidRequestError,
  LogEpochChangedError,
  NamespaceExistsError,
  NamespaceNotFoundError,
  type Outcome,
  OverloadedError,
  PolicyDeniedError,
  PositionNotReachedError,
  PositionUnknownError,
  SnapshotNotFoundError,
  StoreUnavailableError,
  StreamDeletedError,
  StreamNotDeletedError,
  StreamNotFoundError,
  UnauthenticatedError,
  WrongExpectedVersionError,
} from '../core/errors.js';
import {
  GroupExistsError,
  GroupNotFoundError,
  LeaseLostError,
  ProjectionConflictError,
  ProjectionNotFoundError,
  ProjectionSupersededError,
} from '../core/follower-errors.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { StreamId } from '../core/stream.js';
import { rejectionCodeOf } from './status-code.js';

/** The metadata of ErrorInfo; the keys stand in `error_reason.proto`. */
export function factsOf(error: HeadwaterError): Record<string, string> {
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
  if (error instanceof CommandIdReusedError) return { command_id: error.commandId };
  if (error instanceof CommandNotRegisteredError) return { command_type: error.commandType };
  if (error instanceof CommandRejectedError) return { ...error.facts, domain_reason: error.domainReason };
  if (error instanceof AppendConditionFailedError) return { position: String(error.position) };
  if (
    error instanceof StreamNotFoundError ||
    error instanceof StreamDeletedError ||
    error instanceof StreamNotDeletedError ||
    error instanceof SnapshotNotFoundError
  )
    return namesOf(error.stream);
  if (error instanceof InvalidRequestError) return { violations: String(error.count) };
  if (error instanceof PositionNotReachedError)
    return { position: String(error.position), reached: String(error.reached) };
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
  if (error instanceof NamespaceNotFoundError || error instanceof NamespaceExistsError)
    return { namespace: error.namespace };
  if (error instanceof AppendRefusedError) return { middleware: error.middleware };
  if (error instanceof GroupNotFoundError || error instanceof GroupExistsError) return { group: error.group };
  if (error instanceof ProjectionNotFoundError || error instanceof ProjectionConflictError)
    return { projection: error.projection };
  if (error instanceof ProjectionSupersededError)
    return { projection: error.projection, definition_version: String(error.definitionVersion) };
  if (error instanceof LeaseLostError) return { holder: error.holder, fence: String(error.fence) };
  if (error instanceof InternalError) return { error_id: error.errorId };
  return {};
}

function namesOf(stream: StreamId): Record<string, string> {
  return { aggregate_type: stream.aggregateType, aggregate_id: stream.aggregateId };
}

/** What a status says beside its ErrorInfo. */
export interface StatusFacts {
  readonly code: number;
  readonly message: string;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMilliseconds: number | undefined;
}

/** The typed error, or `undefined` for a reason that this version does not know. */
export function errorOf(info: ErrorInfo, status: StatusFacts): HeadwaterError | undefined {
  const { code, message, violations, retryAfterMilliseconds = 0 } = status;
  const facts = new Facts(info);
  const { outcome } = facts;
  switch (facts.reason) {
    case 'WRONG_EXPECTED_VERSION':
      return new WrongExpectedVersionError(
        [{ stream: facts.stream, expected: facts.expected, actual: facts.bigint('actual') }],
        facts.number('conflicts', 1),
      );
    case 'APPEND_CONDITION_FAILED':
      return new AppendConditionFailedError(facts.bigint('position'));
    case 'EVENT_ID_REUSED':
      return new EventIdReusedError(facts.text('event_id'), facts.bigint('position'));
    case 'COMMAND_ID_REUSED':
      return new CommandIdReusedError(facts.text('command_id'));
    case 'COMMAND_NOT_REGISTERED':
      return new CommandNotRegisteredError(facts.text('command_type'));
    case 'COMMAND_REJECTED':
      return new CommandRejectedError(facts.text('domain_reason'), message, {
        code: rejectionCodeOf(code) ?? 'FAILED_PRECONDITION',
        facts: facts.without('domain_reason', 'outcome'),
      });
    case 'SNAPSHOT_NOT_FOUND':
      return new SnapshotNotFoundError(facts.stream);
    case 'STREAM_NOT_FOUND':
      return new StreamNotFoundError(facts.stream);
    case 'STREAM_DELETED':
      return new StreamDeletedError(facts.stream);
    case 'STREAM_NOT_DELETED':
      return new StreamNotDeletedError(facts.stream);
    case 'INVALID_REQUEST':
      return new InvalidRequestError(violations, facts.number('violations', violations.length));
    case 'POSITION_NOT_REACHED':
      return new PositionNotReachedError(facts.bigint('position'), facts.bigint('reached'), {
        retryAfterMilliseconds,
      });
    case 'POSITION_UNKNOWN':
      return new PositionUnknownError(facts.bigint('position'), facts.bigint('epoch'), facts.bigint('head'));
    case 'LOG_EPOCH_CHANGED':
      return new LogEpochChangedError(
        facts.bigint('position'),
        facts.bigint('epoch'),
        facts.bigint('last_common_position'),
        facts.bigint('current_epoch'),
      );
    case 'UNAUTHENTICATED':
      return new UnauthenticatedError(message);
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
    case 'NAMESPACE_NOT_FOUND':
      return new NamespaceNotFoundError(facts.text('namespace'));
    case 'NAMESPACE_EXISTS':
      return new NamespaceExistsError(facts.text('namespace'));
    case 'APPEND_REFUSED':
      return new AppendRefusedError(facts.text('middleware'), message);
    case 'GROUP_NOT_FOUND':
      return new GroupNotFoundError(facts.text('group'));
    case 'GROUP_EXISTS':
      return new GroupExistsError(facts.text('group'));
    case 'PROJECTION_NOT_FOUND':
      return new ProjectionNotFoundError(facts.text('projection'));
    case 'PROJECTION_CONFLICT':
      return new ProjectionConflictError(facts.text('projection'), message);
    case 'PROJECTION_SUPERSEDED':
      return new ProjectionSupersededError(facts.text('projection'), facts.number('definition_version', 0));
    case 'LEASE_LOST':
      return new LeaseLostError(facts.text('holder'), facts.bigint('fence'));
    case 'INTERNAL':
      return new InternalError(facts.text('error_id'), { outcome });
    default:
      return undefined;
  }
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

  /** What is left: facts of somebody else. */
  without(...keys: readonly string[]): Record<string, string> {
    return Object.fromEntries(Object.entries(this.#metadata).filter(([key]) => !keys.includes(key)));
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
