import { readFileSync } from 'node:fs';
import path from 'node:path';
import { anyIs, anyUnpack } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { ErrorReasonSchema } from '../../gen/headwater/v1/error_reason_pb.js';
import { EXIT, exitCodeOf } from '../../src/cli/exit-codes.js';
import {
  AppendConditionFailedError,
  AppendRefusedError,
  CommandIdReusedError,
  CommandNotRegisteredError,
  CommandRejectedError,
  DeadlineExceededError,
  EventIdReusedError,
  type HeadwaterError,
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
import { toWireStatus } from '../../src/wire/errors.js';
import { StatusCode } from '../../src/wire/status-code.js';
import { cellsOf, codeSpans, rowsOf } from './markdown.js';

const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/errors.md'), 'utf8');
const rows = rowsOf(text)
  .map(cellsOf)
  .filter((cells) => cells.length === 5 && cells[0]?.startsWith('`'));
const reasons = rows.map(([reason]) => codeSpans(reason ?? '')[0]);

const stream = { aggregateType: 'Account', aggregateId: '1' };
/** One of each, with all the facts that it can carry. */
const SAMPLES: readonly HeadwaterError[] = [
  new WrongExpectedVersionError([{ stream, expected: 1n, actual: 2n }]),
  new AppendConditionFailedError(1n),
  new EventIdReusedError('01890000-0000-7000-8000-000000000000', 1n),
  new StreamNotFoundError(stream),
  new StreamDeletedError(stream),
  new InvalidRequestError([{ field: 'streams', description: 'must name at least one stream' }]),
  new PositionNotReachedError(5n, 2n),
  new PositionUnknownError(5n, 1n, 2n),
  new LogEpochChangedError(5n, 1n, 2n, 2n),
  new UnauthenticatedError('The token has expired'),
  new PolicyDeniedError('append'),
  new StoreUnavailableError('away'),
  new OverloadedError('full', { limit: 'stall', position: 1n }),
  new DeadlineExceededError('late'),
  new InternalError('id'),
  new NamespaceNotFoundError('tenant_a'),
  new GroupNotFoundError('mail'),
  new GroupExistsError('mail'),
  new ProjectionNotFoundError('balances'),
  new ProjectionConflictError('balances', 'Nothing is being built'),
  new ProjectionSupersededError('balances', 3),
  new LeaseLostError('balances', 7n),
  new NamespaceExistsError('tenant_a'),
  new AppendRefusedError('quota', 'The tenant has used up what it may store'),
  new StreamNotDeletedError(stream),
  new CommandIdReusedError('open-1'),
  new CommandNotRegisteredError('OpenAccount'),
  new CommandRejectedError('INSUFFICIENT_FUNDS', 'There is not enough in the account'),
  new SnapshotNotFoundError(stream),
];

describe('docs/errors.md', () => {
  it('has one row for each reason of the proto, in its order', () => {
    const known = ErrorReasonSchema.values
      .filter(({ number }) => number !== 0)
      .map(({ name }) => name.replace('ERROR_REASON_', ''));
    expect(reasons).toEqual(known);
  });

  it.each(SAMPLES.map((error) => ({ reason: error.reason, error })))(
    'tells of $reason what the service sends',
    ({ reason, error }) => {
      const [, code, name, keys] = rows[reasons.indexOf(reason)] ?? [];
      const status = toWireStatus(error);
      const info = status.details
        .filter((detail) => anyIs(detail, ErrorInfoSchema))
        .map((detail) => anyUnpack(detail, ErrorInfoSchema))[0];
      const sent = Object.keys(info?.metadata ?? {}).filter((key) => key !== 'outcome');
      expect(
        codeSpans(code ?? '').map((word) => Object.entries(StatusCode).find(([of]) => of === word)?.[1]),
      ).toEqual([status.code]);
      expect(codeSpans(name ?? '')).toEqual([error.name]);
      expect(codeSpans(keys ?? '').sort()).toEqual(sent.sort());
    },
  );

  it('tells the exit codes that the command line has', () => {
    const exits = rowsOf(text)
      .map(cellsOf)
      .filter((cells) => cells.length === 2 && /^\d+$/.test(cells[0] ?? ''));
    expect(exits.map(([code]) => Number(code)).sort((a, b) => a - b)).toEqual(
      Object.values(EXIT).sort((a, b) => a - b),
    );
    for (const [code, meaning] of exits)
      for (const reason of codeSpans(meaning ?? ''))
        expect(exitCodeOf(SAMPLES.find((error) => error.reason === reason)), reason).toBe(Number(code));
  });
});
