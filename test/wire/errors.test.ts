import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../gen/google/rpc/status_pb.js';
import { ErrorReasonSchema } from '../../gen/headwater/v1/error_reason_pb.js';
import {
  AppendConditionFailedError,
  AppendRefusedError,
  CommandIdReusedError,
  CommandNotRegisteredError,
  CommandRejectedError,
  DeadlineExceededError,
  EventIdReusedError,
  HeadwaterError,
  InternalError,
  InvalidRequestError,
  LogEpochChangedError,
  NamespaceExistsError,
  NamespaceNotFoundError,
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
} from '../../src/core/errors.js';
import {
  GroupExistsError,
  GroupNotFoundError,
  LeaseLostError,
  ProjectionConflictError,
  ProjectionNotFoundError,
  ProjectionSupersededError,
} from '../../src/core/follower-errors.js';
import { fromWireStatus, toWireStatus } from '../../src/wire/errors.js';
import { CODE_OF } from '../../src/wire/status-code.js';
import { fromStatusDetails, toStatusDetails } from '../../src/wire/status-details.js';

const stream = { aggregateType: 'Account', aggregateId: 'é😀' };
const big = 2n ** 63n - 1n;

const everyError: readonly HeadwaterError[] = [
  new WrongExpectedVersionError([{ stream, expected: 3n, actual: 0n }]),
  new WrongExpectedVersionError([{ stream, expected: 'NO_STREAM', actual: big }], 7),
  new WrongExpectedVersionError([{ stream, expected: 'STREAM_EXISTS', actual: 0n }]),
  new AppendConditionFailedError(big),
  new EventIdReusedError('0198c5c1-0000-7000-8000-000000000000', big),
  new CommandIdReusedError('open-é-1'),
  new CommandNotRegisteredError('OpenAccount'),
  new CommandRejectedError('INSUFFICIENT_FUNDS', 'There is not enough in the account'),
  new CommandRejectedError('EMAIL_TAKEN', 'Somebody has that e-mail', {
    code: 'ALREADY_EXISTS',
    facts: { email: 'ada@example.com', limit: '10' },
  }),
  new SnapshotNotFoundError(stream),
  new StreamNotFoundError(stream),
  new StreamDeletedError(stream),
  new StreamNotDeletedError(stream),
  new InvalidRequestError([
    { field: 'streams[0].expected_version', description: 'must be set' },
    { field: 'streams[1].stream', description: 'must be set' },
  ]),
  new InvalidRequestError([{ field: 'limit', description: 'is 0' }], 12),
  new PositionNotReachedError(12n, 10n),
  new PositionNotReachedError(big, 0n, { retryAfterMilliseconds: 1250 }),
  new PositionUnknownError(12n, 3n, 10n),
  new LogEpochChangedError(12n, 3n, 10n, 4n),
  new UnauthenticatedError('The token has expired'),
  new PolicyDeniedError('append'),
  new NamespaceNotFoundError('tenant_a'),
  new NamespaceExistsError('tenant_a'),
  new GroupNotFoundError('mail'),
  new GroupExistsError('mail'),
  new ProjectionNotFoundError('balances'),
  new ProjectionConflictError('balances', 'Nothing is being built'),
  new ProjectionSupersededError('balances', 3),
  new LeaseLostError('balances', 7n),
  new AppendRefusedError('quota', 'The tenant has used up what it may store today'),
  new StoreUnavailableError('The database is away', { outcome: 'NOT_APPLIED', retryAfterMilliseconds: 1500 }),
  new StoreUnavailableError('The answer was lost', { outcome: 'UNKNOWN' }),
  new StoreUnavailableError('Come back'),
  new OverloadedError('The queue is full', { limit: 'append queue', outcome: 'NOT_APPLIED' }),
  new OverloadedError('Too slow', { limit: 'stall', position: 0n, retryAfterMilliseconds: 250 }),
  new DeadlineExceededError('10000 ms are over', { outcome: 'UNKNOWN' }),
  new InternalError('0198c5c1-0000-7000-8000-000000000001', { outcome: 'UNKNOWN' }),
  new InternalError('0198c5c1-0000-7000-8000-000000000002'),
];

/** Class, message and facts. */
function factsOf(error: HeadwaterError): Record<string, unknown> {
  const own = Object.fromEntries(Object.entries(error));
  return { ...own, class: error.constructor, message: error.message, cause: undefined, stack: undefined };
}

describe('an error over the wire', () => {
  it.each(everyError)('comes back as the same class with the same facts: %s', (error) => {
    const status = toWireStatus(error);
    const back = fromStatusDetails({ code: status.code, message: status.message }, toStatusDetails(status));
    expect(factsOf(back)).toEqual(factsOf(error));
  });

  it('has a code for each reason of the proto, and an example of it here', () => {
    const reasons = ErrorReasonSchema.values
      .map(({ name }) => name.replace('ERROR_REASON_', ''))
      .filter((name) => name !== 'UNSPECIFIED')
      .sort();
    expect(Object.keys(CODE_OF).sort()).toEqual(reasons);
    expect([...new Set(everyError.map(({ reason }) => reason))].sort()).toEqual(reasons);
  });

  it('has the code that the comment of its reason names', () => {
    const codes = Object.fromEntries(everyError.map((error) => [error.reason, toWireStatus(error).code]));
    expect(codes).toEqual({
      WRONG_EXPECTED_VERSION: 10,
      APPEND_CONDITION_FAILED: 10,
      EVENT_ID_REUSED: 6,
      COMMAND_ID_REUSED: 6,
      COMMAND_NOT_REGISTERED: 12,
      COMMAND_REJECTED: 6,
      SNAPSHOT_NOT_FOUND: 5,
      STREAM_NOT_FOUND: 5,
      STREAM_DELETED: 9,
      STREAM_NOT_DELETED: 9,
      INVALID_REQUEST: 3,
      POSITION_NOT_REACHED: 14,
      POSITION_UNKNOWN: 3,
      LOG_EPOCH_CHANGED: 15,
      UNAUTHENTICATED: 16,
      POLICY_DENIED: 7,
      STORE_UNAVAILABLE: 14,
      OVERLOADED: 8,
      DEADLINE_EXCEEDED: 4,
      INTERNAL: 13,
      NAMESPACE_NOT_FOUND: 5,
      NAMESPACE_EXISTS: 6,
      APPEND_REFUSED: 9,
      GROUP_NOT_FOUND: 5,
      GROUP_EXISTS: 6,
      PROJECTION_NOT_FOUND: 5,
      PROJECTION_CONFLICT: 9,
      PROJECTION_SUPERSEDED: 9,
      LEASE_LOST: 10,
    });
  });

  it.each([
    ['INVALID_ARGUMENT', 3],
    ['NOT_FOUND', 5],
    ['ALREADY_EXISTS', 6],
    ['PERMISSION_DENIED', 7],
    ['RESOURCE_EXHAUSTED', 8],
    ['FAILED_PRECONDITION', 9],
    ['ABORTED', 10],
    ['OUT_OF_RANGE', 11],
  ] as const)('of a domain has the code that it chose: %s', (code, number) => {
    const status = toWireStatus(new CommandRejectedError('NO', 'no', { code }));
    expect(status.code).toBe(number);
    expect(fromWireStatus(status)).toMatchObject({ domainReason: 'NO', code });
  });

  it('of a domain keeps its own words where its facts have the same name', () => {
    const facts = { domain_reason: 'other', outcome: 'UNKNOWN', kept: 'yes' };
    const back = fromWireStatus(toWireStatus(new CommandRejectedError('NO', 'no', { facts })));
    expect(back).toMatchObject({ domainReason: 'NO', outcome: 'NOT_APPLIED', facts: { kept: 'yes' } });
  });

  it('keeps to 4 KiB: the first violations and their number', () => {
    const violations = Array.from({ length: 10 }, (_, index) => ({
      field: `streams[${index}].events[0].metadata["${'é'.repeat(60)}"]`,
      description: 'x'.repeat(5000),
    }));
    const status = toWireStatus(new InvalidRequestError(violations, 4711));
    expect(toBinary(StatusSchema, status).byteLength).toBeLessThanOrEqual(4096);
    const back = fromWireStatus(status);
    expect(back).toBeInstanceOf(InvalidRequestError);
    if (!(back instanceof InvalidRequestError)) return;
    expect(back.count).toBe(4711);
    expect(back.violations.length).toBeGreaterThan(2);
    expect(back.violations[0]?.field).toBe(violations[0]?.field);
  });

  it('keeps to 4 KiB with the longest names', () => {
    const long = { aggregateType: '€'.repeat(85), aggregateId: '😀'.repeat(63) };
    const status = toWireStatus(
      new WrongExpectedVersionError([{ stream: long, expected: big, actual: big }]),
    );
    expect(toBinary(StatusSchema, status).byteLength).toBeLessThanOrEqual(4096);
    expect(fromWireStatus(status)).toMatchObject({
      conflicts: [{ stream: long, expected: big, actual: big }],
    });
  });

  it('has no lone surrogate, which no header can hold', () => {
    expect(toWireStatus(new StoreUnavailableError('a\ud800')).message).toBe('a\ufffd');
  });
});

describe('a status that is not ours', () => {
  const bare = (code: number, message: string) => fromStatusDetails({ code, message }, undefined);

  it('UNAVAILABLE is a store that cannot be reached, and of a write nothing is known', () => {
    const error = bare(14, 'Connection dropped');
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.outcome).toBeUndefined();
  });

  it('UNAVAILABLE without any connection means that nothing was sent', () => {
    const refused = bare(14, 'No connection established. Last error: ECONNREFUSED. Resolution note: ');
    expect(refused.outcome).toBe('NOT_APPLIED');
    expect(refused.message).toMatch(/ECONNREFUSED\.$/);
  });

  it.each([
    [1, 'Cancelled', StoreUnavailableError],
    [4, 'Deadline exceeded', DeadlineExceededError],
    [8, 'Received message larger than max (7 vs. 6)', InvalidRequestError],
    [8, 'Bandwidth exhausted', OverloadedError],
    [12, 'The server does not implement the method', InvalidRequestError],
    [3, 'no', InvalidRequestError],
    [7, 'no', PolicyDeniedError],
    [16, 'who are you', PolicyDeniedError],
    [13, 'Received RST_STREAM with code 2', StoreUnavailableError],
    [13, 'Boom', InternalError],
    [2, 'Boom', InternalError],
    [10, 'Boom', InternalError],
  ])('code %i "%s" is a %o', (code, message, type) => {
    const error = bare(code, message);
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(HeadwaterError);
  });

  it('is not misread when its details are of another domain, or broken', () => {
    const info = create(ErrorInfoSchema, { domain: 'example.com', reason: 'INVALID_REQUEST' });
    const details = [anyPack(ErrorInfoSchema, info)];
    const foreign = create(StatusSchema, { code: 14, message: 'x', details });
    expect(fromWireStatus(foreign)).toBeInstanceOf(StoreUnavailableError);
    expect(fromStatusDetails({ code: 14, message: 'x' }, Buffer.from([0xff, 0xff]))).toBeInstanceOf(
      StoreUnavailableError,
    );
  });

  it('of a newer service with a reason not known here goes by its code', () => {
    const info = create(ErrorInfoSchema, { domain: 'headwater', reason: 'STREAM_ON_THE_MOON' });
    const details = [anyPack(ErrorInfoSchema, info)];
    expect(fromWireStatus(create(StatusSchema, { code: 3, message: 'x', details }))).toBeInstanceOf(
      InvalidRequestError,
    );
  });
});
