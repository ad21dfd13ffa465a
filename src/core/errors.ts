import type { VersionConflict } from './append.js';
import type { StreamId } from './stream.js';

/** Why a call failed; the names of `ErrorReason` in `error_reason.proto`. */
export type Reason =
  | 'WRONG_EXPECTED_VERSION'
  | 'APPEND_CONDITION_FAILED'
  | 'EVENT_ID_REUSED'
  | 'COMMAND_ID_REUSED'
  | 'COMMAND_NOT_REGISTERED'
  | 'COMMAND_REJECTED'
  | 'SNAPSHOT_NOT_FOUND'
  | 'STREAM_NOT_FOUND'
  | 'STREAM_DELETED'
  | 'STREAM_NOT_DELETED'
  | 'INVALID_REQUEST'
  | 'POSITION_NOT_REACHED'
  | 'POSITION_UNKNOWN'
  | 'LOG_EPOCH_CHANGED'
  | 'UNAUTHENTICATED'
  | 'POLICY_DENIED'
  | 'STORE_UNAVAILABLE'
  | 'OVERLOADED'
  | 'DEADLINE_EXCEEDED'
  | 'INTERNAL'
  | 'NAMESPACE_NOT_FOUND'
  | 'NAMESPACE_EXISTS'
  | 'APPEND_REFUSED'
  | 'GROUP_NOT_FOUND'
  | 'GROUP_EXISTS'
  | 'PROJECTION_NOT_FOUND'
  | 'PROJECTION_CONFLICT'
  | 'PROJECTION_SUPERSEDED'
  | 'LEASE_LOST';

/** What became of a write that failed: nothing was written, or it was sent and the answer was lost. */
export type Outcome = 'NOT_APPLIED' | 'UNKNOWN';

/** A failure that a caller can act on. Every store, the remote one included, throws these and no others. */
export abstract class HeadwaterError extends Error {
  abstract readonly reason: Reason;
  /**
   * Of a failed write. Without it, count on `UNKNOWN`; that becomes definite when the same ids are sent again.
   */
  readonly outcome?: Outcome;

  constructor(message: string, options: { cause?: unknown; outcome?: Outcome | undefined } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    if (options.outcome !== undefined) this.outcome = options.outcome;
  }
}

const named = (stream: StreamId) => `${stream.aggregateType} ${stream.aggregateId}`;

/** Streams were not at the expected versions. Read them, decide again. */
export class WrongExpectedVersionError extends HeadwaterError {
  override readonly reason = 'WRONG_EXPECTED_VERSION';
  /**
   * @param conflicts every stream that failed, never empty; over gRPC status details only the first, since trailers are
   * small: ask with `onConflict: 'RETURN'` for all
   * @param count how many failed
   */
  constructor(
    readonly conflicts: readonly VersionConflict[],
    readonly count: number = conflicts.length,
  ) {
    const [first] = conflicts;
    const more = count > 1 ? ` (and ${count - 1} more)` : '';
    super(
      first === undefined
        ? 'Expected versions do not hold'
        : `Stream ${named(first.stream)} is at version ${first.actual}, expected ${first.expected}${more}`,
      { outcome: 'NOT_APPLIED' },
    );
  }
}

/** An event breaks the append condition. Read again what it is about, decide again. */
export class AppendConditionFailedError extends HeadwaterError {
  override readonly reason = 'APPEND_CONDITION_FAILED';
  /** @param position of the first event that breaks it */
  constructor(readonly position: bigint) {
    super(`The append condition does not hold: the event at position ${position} matches it`, {
      outcome: 'NOT_APPLIED',
    });
  }
}

/** An event id is in the log with other content, in another order, or in an append of other extent. */
export class EventIdReusedError extends HeadwaterError {
  override readonly reason = 'EVENT_ID_REUSED';
  constructor(
    readonly eventId: string,
    readonly position: bigint,
  ) {
    super(
      `Event id ${eventId} is in the log already, at position ${position}, and this is not the same append: same ids, ` +
        'streams, order, types and data',
      { outcome: 'NOT_APPLIED' },
    );
  }
}

/** A command id was used for another command. Do not retry. */
export class CommandIdReusedError extends HeadwaterError {
  override readonly reason = 'COMMAND_ID_REUSED';
  constructor(readonly commandId: string) {
    super(`Command id ${commandId} was used for another command`, { outcome: 'NOT_APPLIED' });
  }
}

/** Nobody decides commands of this type. */
export class CommandNotRegisteredError extends HeadwaterError {
  override readonly reason = 'COMMAND_NOT_REGISTERED';
  constructor(readonly commandType: string) {
    super(`Nobody decides commands of type ${commandType}`, { outcome: 'NOT_APPLIED' });
  }
}

/** The code with which a domain may refuse a command. */
export type RejectionCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE';

/** The domain refuses the command. */
export class CommandRejectedError extends HeadwaterError {
  override readonly reason = 'COMMAND_REJECTED';
  readonly code: RejectionCode;
  /** The domain's own facts, at most 1 KiB. */
  readonly facts: Readonly<Record<string, string>>;
  /**
   * @param domainReason in the domain's own words, at most 63 bytes of A–Z, 0–9 and `_`
   * @param message why, for people
   */
  constructor(
    readonly domainReason: string,
    message: string,
    options: { code?: RejectionCode; facts?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(message, {
      outcome: 'NOT_APPLIED',
      ...('cause' in options ? { cause: options.cause } : {}),
    });
    this.code = options.code ?? 'FAILED_PRECONDITION';
    this.facts = options.facts ?? {};
  }
}

/** The aggregate has no such snapshot. */
export class SnapshotNotFoundError extends HeadwaterError {
  override readonly reason = 'SNAPSHOT_NOT_FOUND';
  constructor(readonly stream: StreamId) {
    super(`Aggregate ${named(stream)} has no such snapshot`);
  }
}

/** The stream never had an event. */
export class StreamNotFoundError extends HeadwaterError {
  override readonly reason = 'STREAM_NOT_FOUND';
  constructor(readonly stream: StreamId) {
    super(`Stream ${named(stream)} does not exist`, { outcome: 'NOT_APPLIED' });
  }
}

/** The stream is deleted. Restore it, append with `NO_STREAM` to create it anew, or read with `includeDeleted`. */
export class StreamDeletedError extends HeadwaterError {
  override readonly reason = 'STREAM_DELETED';
  constructor(readonly stream: StreamId) {
    super(
      `Stream ${named(stream)} is deleted: restore it, append with NO_STREAM to create it anew, or read with ` +
        'include_deleted',
      { outcome: 'NOT_APPLIED' },
    );
  }
}

/** The stream is to be restored and is not deleted. */
export class StreamNotDeletedError extends HeadwaterError {
  override readonly reason = 'STREAM_NOT_DELETED';
  constructor(readonly stream: StreamId) {
    super(`Stream ${named(stream)} is not deleted, so there is nothing to restore`, {
      outcome: 'NOT_APPLIED',
    });
  }
}

/** What is wrong with one field. */
export interface FieldViolation {
  /** A path in the words of the protos, for example `streams[0].events[2].data`. */
  readonly field: string;
  readonly description: string;
}

/** The request is malformed or over a limit. Do not retry it unchanged. */
export class InvalidRequestError extends HeadwaterError {
  override readonly reason = 'INVALID_REQUEST';
  /** @param violations the first ten at most, never empty */
  constructor(
    readonly violations: readonly FieldViolation[],
    readonly count: number = violations.length,
  ) {
    const [first] = violations;
    const more = count > 1 ? ` (and ${count - 1} more)` : '';
    super(first === undefined ? 'Invalid request' : `${first.field}: ${first.description}${more}`, {
      outcome: 'NOT_APPLIED',
    });
  }
}

/** The position is not of this log: above its head, or of an epoch that it does not know. */
export class PositionUnknownError extends HeadwaterError {
  override readonly reason = 'POSITION_UNKNOWN';
  constructor(
    readonly position: bigint,
    readonly epoch: bigint,
    readonly head: bigint,
  ) {
    super(
      `Position ${position}${epoch === 0n ? '' : ` of epoch ${epoch}`} is not of this log, whose last position is ${head}`,
      { outcome: 'NOT_APPLIED' },
    );
  }
}

/** The log, as this instance or replica sees it, has not come so far in time. Retry. */
export class PositionNotReachedError extends HeadwaterError {
  override readonly reason = 'POSITION_NOT_REACHED';
  readonly retryAfterMilliseconds: number;
  /** @param reached the last position that is there */
  constructor(
    readonly position: bigint,
    readonly reached: bigint,
    options: { retryAfterMilliseconds?: number } = {},
  ) {
    super(`Position ${position} was not reached in time; the last one here is ${reached}`);
    this.retryAfterMilliseconds = options.retryAfterMilliseconds ?? 100;
  }
}

/** The position lies in a tail that the log lost. Resume from `lastCommonPosition` and undo what came after it. */
export class LogEpochChangedError extends HeadwaterError {
  override readonly reason = 'LOG_EPOCH_CHANGED';
  constructor(
    readonly position: bigint,
    readonly epoch: bigint,
    readonly lastCommonPosition: bigint,
    readonly currentEpoch: bigint,
  ) {
    super(
      `Position ${position} of epoch ${epoch} is lost: the log, now in epoch ${currentEpoch}, agrees with that epoch ` +
        `only up to position ${lastCommonPosition}`,
      { outcome: 'NOT_APPLIED' },
    );
  }
}

/** Nobody knows who calls: no credentials, or none that are good. Nothing was looked at; come back with others. */
export class UnauthenticatedError extends HeadwaterError {
  override readonly reason = 'UNAUTHENTICATED';
  /** @param message what is wrong with the credentials, and nothing that is in them */
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { ...options, outcome: 'NOT_APPLIED' });
  }
}

/** No policy allows the call. */
export class PolicyDeniedError extends HeadwaterError {
  override readonly reason = 'POLICY_DENIED';
  constructor(readonly action: string) {
    super(`No policy allows ${action}`, { outcome: 'NOT_APPLIED' });
  }
}

/** The database is away, or the service is shutting down. Retry, a write with the same ids. */
export class StoreUnavailableError extends HeadwaterError {
  override readonly reason = 'STORE_UNAVAILABLE';
  /** Wait at least so long before trying again. */
  readonly retryAfterMilliseconds: number;
  constructor(
    message: string,
    options: { cause?: unknown; outcome?: Outcome | undefined; retryAfterMilliseconds?: number } = {},
  ) {
    super(message, options);
    this.retryAfterMilliseconds = options.retryAfterMilliseconds ?? 500;
  }
}

/** A queue is full, or a reader stood still for too long. Retry later; a reader resumes from `position`. */
export class OverloadedError extends HeadwaterError {
  override readonly reason = 'OVERLOADED';
  readonly retryAfterMilliseconds: number;
  readonly limit: string;
  /** Of a reader: the last position that was handed out. */
  readonly position: bigint | undefined;
  constructor(
    message: string,
    options: {
      limit: string;
      position?: bigint | undefined;
      retryAfterMilliseconds?: number;
      outcome?: Outcome | undefined;
    },
  ) {
    super(message, { outcome: options.outcome });
    this.limit = options.limit;
    this.position = options.position;
    this.retryAfterMilliseconds = options.retryAfterMilliseconds ?? 100;
  }
}

/** There is no namespace of that name. */
export class NamespaceNotFoundError extends HeadwaterError {
  override readonly reason = 'NAMESPACE_NOT_FOUND';
  constructor(readonly namespace: string) {
    super(`Namespace ${namespace} does not exist`, { outcome: 'NOT_APPLIED' });
  }
}

/** The namespace is there already. */
export class NamespaceExistsError extends HeadwaterError {
  override readonly reason = 'NAMESPACE_EXISTS';
  constructor(readonly namespace: string) {
    super(`Namespace ${namespace} exists already`, { outcome: 'NOT_APPLIED' });
  }
}

/** A middleware of the store refused the append. Do not retry it unchanged. */
export class AppendRefusedError extends HeadwaterError {
  override readonly reason = 'APPEND_REFUSED';
  /**
   * @param middleware its name
   * @param message why, in words for the caller
   */
  constructor(
    readonly middleware: string,
    message: string,
  ) {
    super(message, { outcome: 'NOT_APPLIED' });
  }
}

/** The call's deadline passed. */
export class DeadlineExceededError extends HeadwaterError {
  override readonly reason = 'DEADLINE_EXCEEDED';
}

/** An unexpected failure, logged where it happened under `errorId`. */
export class InternalError extends HeadwaterError {
  override readonly reason = 'INTERNAL';
  constructor(
    readonly errorId: string,
    options: { cause?: unknown; outcome?: Outcome | undefined } = {},
  ) {
    super(`Internal error ${errorId}`, options);
  }
}
